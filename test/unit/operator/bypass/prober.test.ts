import { beforeEach, describe, expect, test } from '@jest/globals';
import type { MCPServer } from '../../../../api/v1alpha1/index.ts';
import { createBypassProber } from '../../../../operator/bypass/prober.ts';
import type { BypassProber, BypassProberDeps } from '../../../../operator/bypass/prober.ts';
import type { GuardedPod } from '../../../../operator/cluster-view.ts';
import { KubeError } from '../../../../operator/kube/kube-error.ts';
import type { KubeObject } from '../../../../operator/kube/kube-object.ts';
import { keepLog } from '../../../kit/kube-parts.ts';
import { aServer } from '../../core/bundle/kit.ts';

const KEY = 'tools/github';
let servers: Map<string, MCPServer>;
let pods: GuardedPod[];
let services: readonly KubeObject[] | KubeError;
let listed: number;
let connecting: number;
let mostConnecting: number;
let prober: BypassProber;
let signal: AbortSignal;

const aPod = (uid: string, over: Partial<GuardedPod> = {}): GuardedPod =>
  ({ namespace: 'tools', name: `pod-${uid}`, uid, server: 'github', isLive: true, isEnding: false, injected: '', ips: [`10.0.0.${uid}`], labels: { app: 'github' }, namedPorts: [{ name: 'mcpgw-https', port: 15_443 }], ...over });

beforeEach(() => {
  servers = new Map([[KEY, aServer('github')]]);
  pods = [aPod('1')];
  services = [];
  listed = 0;
  connecting = 0;
  mostConnecting = 0;
  signal = new AbortController().signal;
  prober = createBypassProber({
    client: {
      list: async () => {
        listed += 1;
        if (services instanceof KubeError) throw services;
        return { items: services, resourceVersion: '1' };
      },
    },
    view: {
      servers: { get: (namespace: string, name: string) => ({ object: servers.get(`${namespace}/${name}`) }) },
      pods: { byIndex: () => pods },
    } as unknown as BypassProberDeps['view'],
    tryConnect: async ({ port }) => {
      connecting += 1;
      mostConnecting = Math.max(mostConnecting, connecting);
      await Promise.resolve();
      connecting -= 1;
      return port === 15_443 ? 'Connected' : 'Refused';
    },
    log: keepLog(),
  });
});

describe('what the operator tried', () => {
  test('is known by pod, with the port that was tried', async () => {
    expect(await prober.probe(KEY, signal)).toBe('Changed');
    expect(prober.findings(KEY)).toEqual({ serverPort: 3000, reach: new Map([['1', 'Blocked']]), services: [] });
    expect(await prober.probe(KEY, signal)).toBe('Same');
  });

  test('changes with the pods, the Services and the port', async () => {
    await prober.probe(KEY, signal);
    pods = [aPod('1'), aPod('2'), aPod('3', { isLive: false }), aPod('4', { ips: [] })];
    expect(await prober.probe(KEY, signal)).toBe('Changed');
    expect([...(prober.findings(KEY)?.reach.keys() ?? [])].toSorted()).toEqual(['1', '2']);
    services = [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'shortcut', uid: 'u', resourceVersion: '1' }, spec: { selector: { app: 'github' }, ports: [{ port: 3000 }] } }];
    expect(await prober.probe(KEY, signal)).toBe('Changed');
    expect(prober.findings(KEY)?.services).toEqual(['shortcut']);
    servers.set(KEY, aServer('github', { upstream: { port: 3001, path: '/mcp', transport: 'StreamableHTTP', directAccess: 'Blocked' } }));
    expect(await prober.probe(KEY, signal)).toBe('Changed');
    expect(prober.findings(KEY)).toMatchObject({ serverPort: 3001, services: [] });
  });

  test('is kept apart from what the API server did not say', async () => {
    services = new KubeError('Forbidden', 'x', { status: 403 });
    await prober.probe(KEY, signal);
    expect(prober.findings(KEY)).toEqual({ serverPort: 3000, reach: new Map([['1', 'Blocked']]), services: undefined });
  });

  test('is forgotten with the server, and does not change when it is cut short', async () => {
    await prober.probe(KEY, signal);
    pods = [];
    expect(await prober.probe(KEY, AbortSignal.abort())).toBe('Same');
    expect(prober.findings(KEY)?.reach.size).toBe(1);
    servers.clear();
    expect(await prober.probe(KEY, signal)).toBe('Gone');
    expect(prober.findings(KEY)).toBeUndefined();
  });
});

test('a server without pods asks nobody anything', async () => {
  pods = [];
  await prober.probe(KEY, signal);
  expect(listed).toBe(0);
});

test('of many pods only some are tried at the same time', async () => {
  pods = Array.from({ length: 500 }, (_, index) => aPod(String(index)));
  await prober.probe(KEY, signal);
  expect(prober.findings(KEY)?.reach.size).toBe(500);
  // Two ports of each.
  expect(mostConnecting).toBeLessThanOrEqual(64);
});
