import { describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../../core/config-error.ts';
import { readOperatorConfig, VARIABLES } from '../../../operator/config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const REQUIRED: Environment = {
  MCPGATEWAY_NAMESPACE: 'mcpgateway',
  MCPGATEWAY_POD_NAME: 'operator-0',
  MCPGATEWAY_NAMES: 'operator-0.operator.mcpgateway.svc',
  MCPGATEWAY_SIDECAR_IMAGE: 'registry.example/mcpgateway@sha256:0',
  MCPGATEWAY_OPERATOR_ADDRESS: 'operator.mcpgateway.svc:9443',
};

function problemsOf(env: Environment): readonly string[] {
  try {
    readOperatorConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration of the operator', () => {
  test('has a default for all but what only the chart can know', () => {
    expect(readOperatorConfig(REQUIRED)).toMatchObject({
      namespace: 'mcpgateway',
      instance: 'operator-0',
      logLevel: 'info',
      kubeConfig: { type: 'InCluster' },
      configFile: '/etc/mcpgateway/gateway-config.json',
      address: '0.0.0.0',
      ports: { stream: 9443, webhook: 8443, admin: 9090 },
      names: ['operator-0.operator.mcpgateway.svc'],
      webhookConfiguration: 'mcpgateway',
      epoch: 1,
      apiRate: { perSecond: 50, burst: 100 },
      injection: { imageRepositories: [], logLevel: 'info', ports: { https: 15_443, peer: 15_444, admin: 15_090 }, audiencePrefix: 'mcpgateway.dev/bundles' },
    });
  });

  test('is what the environment says', () => {
    const config = readOperatorConfig({
      ...REQUIRED,
      MCPGATEWAY_LOG_LEVEL: 'debug',
      MCPGATEWAY_KUBECONFIG: '/kube/config',
      MCPGATEWAY_CONFIG_FILE: '/config.json',
      MCPGATEWAY_ADDRESS: '::',
      MCPGATEWAY_STREAM_PORT: '1',
      MCPGATEWAY_WEBHOOK_PORT: '2',
      MCPGATEWAY_ADMIN_PORT: '65535',
      MCPGATEWAY_NAMES: ' a.example , 10.0.0.7,,',
      MCPGATEWAY_WEBHOOK_CONFIGURATION: 'other',
      MCPGATEWAY_EPOCH: '7',
      MCPGATEWAY_API_REQUESTS_PER_SECOND: '200',
      MCPGATEWAY_SIDECAR_REPOSITORIES: ' mirror.example:5000/mcpgateway ,sidecar',
      MCPGATEWAY_SIDECAR_LOG_LEVEL: 'error',
      MCPGATEWAY_SIDECAR_PORT: '3',
      MCPGATEWAY_SIDECAR_ADMIN_PORT: '4',
    });
    expect(config).toMatchObject({
      logLevel: 'debug',
      kubeConfig: { type: 'File', path: '/kube/config' },
      configFile: '/config.json',
      address: '::',
      ports: { stream: 1, webhook: 2, admin: 65_535 },
      names: ['a.example', '10.0.0.7'],
      webhookConfiguration: 'other',
      epoch: 7,
      apiRate: { perSecond: 200, burst: 400 },
      injection: { image: 'registry.example/mcpgateway@sha256:0', operatorAddress: 'operator.mcpgateway.svc:9443', imageRepositories: ['mirror.example:5000/mcpgateway', 'sidecar'], logLevel: 'error', ports: { https: 3, admin: 4 } },
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('is read from its variables and from no other', () => {
    const read: string[] = [];
    const env = new Proxy<Record<string, string | undefined>>({ ...REQUIRED }, {
      get(target, name) {
        read.push(String(name));
        return target[String(name)];
      },
    });
    readOperatorConfig(env);
    expect(new Set(read)).toEqual(new Set(Object.values(VARIABLES).map(({ name }) => name)));
  });
});

describe('a problem', () => {
  test.each(Object.keys(REQUIRED))('is that %s is missing or empty', (name) => {
    for (const value of [undefined, '']) expect(problemsOf({ ...REQUIRED, [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name}: is required \\(.+\\)$`))]);
  });

  test.each([
    ['MCPGATEWAY_STREAM_PORT', '65536'],
    ['MCPGATEWAY_STREAM_PORT', '0'],
    ['MCPGATEWAY_SIDECAR_PORT', '00'],
    ['MCPGATEWAY_EPOCH', '0'],
    ['MCPGATEWAY_EPOCH', '-1'],
    ['MCPGATEWAY_EPOCH', ''],
    ['MCPGATEWAY_NAMES', ' , ,'],
    ['MCPGATEWAY_WEBHOOK_PORT', '-1'],
    ['MCPGATEWAY_ADMIN_PORT', ''],
    ['MCPGATEWAY_SIDECAR_PORT', '0x1bb'],
    ['MCPGATEWAY_SIDECAR_ADMIN_PORT', '1e3'],
    ['MCPGATEWAY_EPOCH', '1.5'],
    ['MCPGATEWAY_EPOCH', 'two'],
    ['MCPGATEWAY_EPOCH', '99999999999'],
    ['MCPGATEWAY_API_REQUESTS_PER_SECOND', '0'],
    ['MCPGATEWAY_API_REQUESTS_PER_SECOND', '10001'],
    ['MCPGATEWAY_SIDECAR_REPOSITORIES', 'mirror.example/mcpgateway:1'],
    ['MCPGATEWAY_SIDECAR_REPOSITORIES', 'mirror.example/'],
    ['MCPGATEWAY_SIDECAR_REPOSITORIES', 'a,https://b'],
    ['MCPGATEWAY_SIDECAR_REPOSITORIES', 'a|.*'],
    ['MCPGATEWAY_LOG_LEVEL', 'loud'],
    ['MCPGATEWAY_LOG_LEVEL', 'INFO'],
    ['MCPGATEWAY_SIDECAR_LOG_LEVEL', ''],
  ])('is that %s is %p, and it is the only one', (name, value) => {
    expect(problemsOf({ ...REQUIRED, [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name}: must be `))]);
  });

  test.each(['MCPGATEWAY_CONFIG_FILE', 'MCPGATEWAY_ADDRESS', 'MCPGATEWAY_WEBHOOK_CONFIGURATION'])('is that %s is empty, though it may be absent', (name) => {
    expect(problemsOf({ ...REQUIRED, [name]: '' })).toEqual([expect.stringMatching(new RegExp(`^${name}: is required \\(.+\\)$`))]);
    expect(problemsOf({ ...REQUIRED, MCPGATEWAY_KUBECONFIG: '' })).toEqual([]);
  });

  test('does not hide another: all are listed, each by the name of its variable', () => {
    const problems = problemsOf({ MCPGATEWAY_LOG_LEVEL: 'loud', MCPGATEWAY_STREAM_PORT: 'x', MCPGATEWAY_EPOCH: 'y', MCPGATEWAY_SIDECAR_PORT: 'z' });
    const expected = [...Object.keys(REQUIRED), 'MCPGATEWAY_LOG_LEVEL', 'MCPGATEWAY_STREAM_PORT', 'MCPGATEWAY_EPOCH', 'MCPGATEWAY_SIDECAR_PORT'];
    expect(problems).toHaveLength(expected.length);
    expect(new Set(problems.map((problem) => problem.split(':', 1)[0]))).toEqual(new Set(expected));
  });

  test('does not repeat the value', () => {
    const env = Object.fromEntries(Object.values(VARIABLES).map(({ name }) => [name, 'canary']));
    expect(problemsOf(env).length).toBeGreaterThan(0);
    expect(problemsOf(env).join('\n')).not.toContain('canary');
  });
});
