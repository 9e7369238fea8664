import { describe, expect, test } from '@jest/globals';
import { lostProbe, moveProbes } from '../../../../operator/webhook/server-probes.ts';
import type { MovedProbes } from '../../../../operator/webhook/server-probes.ts';
import { aPod, applyPatch } from '../../../kit/pod-examples.ts';
import type { Mutable } from '../../../kit/pod-examples.ts';
import { formatServerProbes } from '../../../../api/server-probes.ts';
import type { ServerProbe } from '../../../../api/server-probes.ts';

const PORTS = { upstream: 3000, admin: 9901 };
const server = (value: Mutable): Mutable => ({ name: 'server', image: 'x', ...value });
const podOf = (...containers: Mutable[]): Mutable => aPod({ containers });
const moved = (pod: Mutable): MovedProbes => moveProbes(pod, PORTS);
/** The probes that the sidecar gets, and what the kubelet asks then. */
const both = (probe: Mutable, value: Mutable = {}): [readonly ServerProbe[], unknown] => {
  const pod = podOf(server({ readinessProbe: probe, ...value }));
  const { patch, probes } = moved(pod);
  const [container] = (applyPatch(pod, patch)['spec'] as { containers: Mutable[] }).containers;
  return [probes, container?.['readinessProbe']];
};
const AT_SIDECAR = { path: '/probe/server/readiness', port: 9901, scheme: 'HTTP' };
const PROBE = { container: 'server', kind: 'readiness', timeoutSeconds: 1 };

describe('a probe of the server', () => {
  test('over HTTP is asked for by the sidecar, and all else of it stays', () => {
    const probe = { httpGet: { path: '/ready?a=b', port: 3000, scheme: 'HTTP', httpHeaders: [{ name: 'X-A', value: 'b' }] }, timeoutSeconds: 3, periodSeconds: 7, failureThreshold: 2 };
    expect(both(probe)).toEqual([
      [{ ...PROBE, timeoutSeconds: 3, http: { path: '/ready?a=b', headers: [{ name: 'X-A', value: 'b' }] } }],
      { httpGet: AT_SIDECAR, timeoutSeconds: 3, periodSeconds: 7, failureThreshold: 2 },
    ]);
  });

  test('of its port is asked for over HTTP', () => {
    expect(both({ tcpSocket: { port: 3000 }, periodSeconds: 7 })).toEqual([[PROBE], { httpGet: AT_SIDECAR, periodSeconds: 7 }]);
  });

  test('may name the port', () => {
    const ports = [{ name: 'other', containerPort: 1 }, { name: 'mcp', containerPort: 3000 }];
    expect(both({ tcpSocket: { port: 'mcp' } }, { ports })).toEqual([[PROBE], { httpGet: AT_SIDECAR }]);
    expect(both({ tcpSocket: { port: 'other' } }, { ports })[0]).toEqual([]);
  });

  test('gets the slash that the kubelet would put before its path', () => {
    for (const path of ['ready', undefined]) expect(both({ httpGet: { path, port: 3000 } })[0]).toEqual([{ ...PROBE, http: { path: `/${path ?? ''}`, headers: [] } }]);
  });

  test('is moved in every container and of every kind, at its place', () => {
    const probes = { livenessProbe: { tcpSocket: { port: 3000 } }, readinessProbe: { httpGet: { port: 3000 } }, startupProbe: { tcpSocket: { port: 3000 } } };
    const pod = aPod({ containers: [server({}), { name: 'b', ...probes }], initContainers: [{ name: 'native', restartPolicy: 'Always', startupProbe: { tcpSocket: { port: 3000 } } }] });
    expect(moved(pod).patch.map(({ op, path }) => `${op} ${path}`)).toEqual([
      'remove /spec/containers/1/startupProbe/tcpSocket',
      'add /spec/containers/1/startupProbe/httpGet',
      'replace /spec/containers/1/readinessProbe/httpGet',
      'remove /spec/containers/1/livenessProbe/tcpSocket',
      'add /spec/containers/1/livenessProbe/httpGet',
      'remove /spec/initContainers/0/startupProbe/tcpSocket',
      'add /spec/initContainers/0/startupProbe/httpGet',
    ]);
    expect(moved(pod).probes.map(({ container, kind }) => `${container} ${kind}`)).toEqual(['b startup', 'b readiness', 'b liveness', 'native startup']);
  });

  test.each<[string, Mutable]>([
    ['by command', { exec: { command: ['true'] } }],
    ['by gRPC', { grpc: { port: 3000 } }],
    ['of another port', { httpGet: { path: '/', port: 4000 } }],
    ['of a port that nobody named', { tcpSocket: { port: 'mcp' } }],
    ['over HTTPS', { httpGet: { path: '/', port: 3000, scheme: 'HTTPS' } }],
    ['of another host', { httpGet: { path: '/', port: 3000, host: '10.0.0.1' } }],
    ['of a port of another host', { tcpSocket: { port: 3000, host: '10.0.0.1' } }],
    ['of a path that the sidecar does not ask for', { httpGet: { path: '/a b', port: 3000 } }],
    ['of nothing', {}],
  ])('stays %s', (_title, probe) => {
    expect(both(probe)).toEqual([[], probe]);
  });
});

describe('a pod that was injected before', () => {
  const original = podOf(server({ readinessProbe: { httpGet: { path: '/ready', port: 3000 } }, livenessProbe: { tcpSocket: { port: 3000 } } }));
  const injected = (probes = moved(original).probes, port = 3000): Mutable => {
    const pod = applyPatch(original, moved(original).patch);
    const env = [{ name: 'MCPGATEWAY_PROBES', value: formatServerProbes({ port, probes }) }];
    return { ...pod, spec: { ...(pod['spec'] as Mutable), initContainers: [{ name: 'mcp-gateway', env }] } };
  };

  test('keeps its probes, and nothing is moved twice', () => {
    expect(moved(injected())).toEqual({ patch: [], probes: moved(original).probes });
    expect(lostProbe(injected(), 9901)).toBeUndefined();
  });

  test('gets them moved to the port of today', () => {
    const { patch, probes } = moveProbes(injected(), { upstream: 3000, admin: 9902 });
    expect(patch.map((operation) => (operation.op === 'replace' ? operation.value : operation))).toEqual([
      { path: '/probe/server/readiness', port: 9902, scheme: 'HTTP' },
      { path: '/probe/server/liveness', port: 9902, scheme: 'HTTP' },
    ]);
    expect(probes).toEqual(moved(original).probes);
  });

  test('gets the timeout that is written now', () => {
    const pod = injected();
    const [container] = (pod['spec'] as { containers: Mutable[] }).containers;
    ((container as Mutable)['readinessProbe'] as Mutable)['timeoutSeconds'] = 9;
    expect(moved(pod).probes.map(({ timeoutSeconds }) => timeoutSeconds)).toEqual([9, 1]);
  });

  test('loses what is not asked for any more', () => {
    const pod = injected();
    delete ((pod['spec'] as { containers: Mutable[] }).containers[0] as Mutable)['livenessProbe'];
    expect(moved(pod).probes.map(({ kind }) => kind)).toEqual(['readiness']);
  });

  test('is told of a probe of which nobody knows what it was', () => {
    for (const pod of [injected([]), injected(moved(original).probes, 0), applyPatch(original, moved(original).patch)]) {
      expect(lostProbe(pod, 9901)).toBe('spec.containers[0].readinessProbe');
    }
  });
});

test('the sidecar is no server: its own probes stay', () => {
  const pod = aPod({ initContainers: [{ name: 'mcp-gateway', readinessProbe: { tcpSocket: { port: 3000 } } }] });
  expect(moved(pod)).toEqual({ patch: [], probes: [] });
});

test('no more are moved than the sidecar takes', () => {
  const containers = Array.from({ length: 40 }, (_, index) => ({ name: `c${index}`, livenessProbe: { tcpSocket: { port: 3000 } } }));
  expect(moved(podOf(...containers)).probes).toHaveLength(32);
});
