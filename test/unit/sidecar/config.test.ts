import { describe, expect, test } from '@jest/globals';
import { ENVIRONMENT } from '../../../api/sidecar-environment.ts';
import { ConfigError } from '../../../core/config-error.ts';
import { readSidecarConfig } from '../../../sidecar/config.ts';

const GOOD: Readonly<Record<string, string>> = {
  [ENVIRONMENT.namespace]: 'tools', [ENVIRONMENT.server]: 'github', [ENVIRONMENT.podName]: 'github-0', [ENVIRONMENT.podUid]: '01234567-89ab-4def-8123-456789abcdef', [ENVIRONMENT.podIps]: '10.0.0.7', [ENVIRONMENT.hosts]: 'github-mcp,github-mcp.tools.svc',
  [ENVIRONMENT.operatorAddress]: 'operator.mcpgateway.svc:9443', [ENVIRONMENT.logLevel]: 'warn', [ENVIRONMENT.httpsPort]: '15443', [ENVIRONMENT.adminPort]: '15090', [ENVIRONMENT.peerPort]: '15444',
  [ENVIRONMENT.identityDirectory]: '/run/identity', [ENVIRONMENT.authoritiesDirectory]: '/run/authorities', [ENVIRONMENT.bundleDirectory]: '/run/bundle',
  [ENVIRONMENT.tlsDirectory]: '/run/tls', [ENVIRONMENT.secretsDirectory]: '/run/secrets', [ENVIRONMENT.certificateSource]: 'Operator',
};

function problemsOf(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  try {
    readSidecarConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('the configuration of a sidecar', () => {
  test('is what the webhook wrote', () => {
    const config = readSidecarConfig(GOOD);
    expect(config).toMatchObject({ namespace: 'tools', server: 'github', logLevel: 'warn', operator: { host: 'operator.mcpgateway.svc', port: 9443 }, directories: { identity: '/run/identity' } });
    expect(config.gateway.listener).toMatchObject({ address: '0.0.0.0', port: 15_443, plainHTTP: false, allowedHosts: ['github-mcp', 'github-mcp.tools.svc'], tls: { certFile: '/run/tls/tls.crt' } });
    expect(config.gateway.admin).toEqual({ address: '0.0.0.0', port: 15_090 });
    const dual = readSidecarConfig({ ...GOOD, [ENVIRONMENT.podIps]: '10.0.0.7,fd00::7' });
    expect(dual.gateway.listener.address).toBe('::');
    expect(dual.podIps).toEqual(['10.0.0.7', 'fd00::7']);
  });

  test('says which pod it is, by its first address, and where its peers are', () => {
    const self = { podUid: '01234567-89ab-4def-8123-456789abcdef', ip: '10.0.0.7' };
    expect(readSidecarConfig({ ...GOOD, [ENVIRONMENT.podIps]: '10.0.0.7,fd00::7' }).peer).toEqual({ self, port: 15_444 });
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.podIps]: 'localhost' })).toEqual([`${ENVIRONMENT.podIps}: must be IP addresses`]);
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.podUid]: 'github-0' })).toEqual([`${ENVIRONMENT.podUid}: must be a UUID`]);
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.peerPort]: '0x1' })).toEqual([`${ENVIRONMENT.peerPort}: must be a port`]);
  });

  test('takes the server\'s own certificate from its Secret', () => {
    expect(readSidecarConfig({ ...GOOD, [ENVIRONMENT.certificateSource]: 'Secret' }).gateway.listener.tls).toEqual({ certFile: '/run/secrets/serving/tls.crt', keyFile: '/run/secrets/serving/tls.key' });
  });

  test('never serves without TLS', () => {
    expect(readSidecarConfig(GOOD).gateway.listener.plainHTTP).toBe(false);
  });

  test('drains as long as its pod lasts', () => {
    expect(readSidecarConfig(GOOD).gateway.listener.drainSeconds).toBe(25);
    expect(readSidecarConfig({ ...GOOD, [ENVIRONMENT.drainSeconds]: '0' }).gateway.listener.drainSeconds).toBe(0);
    for (const value of ['26', '-1', '', 'x']) expect(problemsOf({ ...GOOD, [ENVIRONMENT.drainSeconds]: value })).toEqual([`${ENVIRONMENT.drainSeconds}: must be a number up to 25`]);
  });

  test('asks the server what it is told, and never itself', () => {
    const probes = (port: number): string => `{"port":${port},"probes":[{"container":"server","kind":"liveness","timeoutSeconds":1}]}`;
    expect(readSidecarConfig(GOOD).probes.probes).toEqual([]);
    expect(readSidecarConfig({ ...GOOD, [ENVIRONMENT.probes]: probes(3000) }).probes).toEqual({ port: 3000, probes: [{ container: 'server', kind: 'liveness', timeoutSeconds: 1 }] });
    for (const port of [15_443, 15_090]) expect(problemsOf({ ...GOOD, [ENVIRONMENT.probes]: probes(port) })).toEqual([`${ENVIRONMENT.probes}: port: must not be a port of the sidecar`]);
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.probes]: '' })).toEqual([`${ENVIRONMENT.probes}: is not JSON`]);
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.probes]: '{"port":1,"host":"x","probes":[]}' })).toEqual([`${ENVIRONMENT.probes}: has an unknown member`]);
  });

  test('is refused with every problem by its name', () => {
    expect(problemsOf({}).length).toBeGreaterThan(10);
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.server]: undefined })).toEqual([`${ENVIRONMENT.server}: is required`]);
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.httpsPort]: '70000' })).toEqual([`${ENVIRONMENT.httpsPort}: must be a port`]);
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.operatorAddress]: 'operator' })).toEqual([`${ENVIRONMENT.operatorAddress}: must be a port`]);
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.podIps]: 'localhost' })).toEqual([`${ENVIRONMENT.podIps}: must be IP addresses`]);
    expect(problemsOf({ ...GOOD, [ENVIRONMENT.logLevel]: 'loud' })).toEqual([`${ENVIRONMENT.logLevel}: must be one of error, warn, info, debug`]);
  });
});
