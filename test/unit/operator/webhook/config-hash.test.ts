import { describe, expect, test } from '@jest/globals';
import { configHash } from '../../../../operator/webhook/config-hash.ts';
import { podPatch } from '../../../../operator/webhook/pod-patch.ts';
import { aGuardedServer, aPod, applyPatch, SETTINGS } from '../../../kit/pod-examples.ts';
import type { Mutable } from '../../../kit/pod-examples.ts';

const plain = configHash(aGuardedServer(), SETTINGS);

describe('the hash', () => {
  test('is what a pod of the server gets in its annotation', () => {
    const { annotations } = applyPatch(aPod(), podPatch(aPod(), aGuardedServer(), SETTINGS))['metadata'] as { annotations: Mutable };
    expect(JSON.parse(String(annotations['mcpgateway.dev/injected']))).toEqual({ version: '1.2.3', configHash: plain });
    expect(plain).toMatch(/^[0-9a-f]{16}$/);
  });

  test('is the same whatever is in the pod', () => {
    const pod = aPod({ terminationGracePeriodSeconds: 5, containers: [{ name: 'server', livenessProbe: { tcpSocket: { port: 3000 } } }] });
    expect(JSON.stringify(podPatch(pod, aGuardedServer(), SETTINGS))).toContain(plain);
  });

  test.each([
    ['an image', { image: 'registry.example/mcpgateway/sidecar:9' }],
    ['a log level', { logLevel: 'debug' }],
    ['a CPU request', { resources: { requests: { cpu: '1' } } }],
    ['a memory request', { resources: { requests: { memory: '128Mi' } } }],
    ['a memory limit', { resources: { limits: { memory: '1Gi' } } }],
  ] as const)('is another one for %s of the server\'s own', (_title, sidecar) => {
    expect(configHash(aGuardedServer({ sidecar }), SETTINGS)).not.toBe(plain);
  });

  test('is the same where the server says what the operator says', () => {
    expect(configHash(aGuardedServer({ sidecar: { image: SETTINGS.image, logLevel: 'info' } }), SETTINGS)).toBe(plain);
  });

  test('is another one for other settings of the operator, unless the server has its own', () => {
    const next = { ...SETTINGS, logLevel: 'debug' } as const;
    const own = aGuardedServer({ sidecar: { logLevel: 'warn' } });
    expect(configHash(aGuardedServer(), next)).not.toBe(plain);
    expect(configHash(own, next)).toBe(configHash(own, SETTINGS));
  });
});
