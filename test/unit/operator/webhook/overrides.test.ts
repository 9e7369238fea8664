import { describe, expect, test } from '@jest/globals';
import type { MCPServer } from '../../../../api/v1alpha1/index.ts';
import { allowedRepositories, imageNotAllowed, isAllowedRepository, memoryNotPossible, sidecarSettings } from '../../../../operator/webhook/overrides.ts';
import { aGuardedServer, SETTINGS } from '../../../kit/pod-examples.ts';

type Sidecar = NonNullable<MCPServer['spec']['sidecar']>;
const withSidecar = (sidecar: Sidecar): MCPServer => aGuardedServer({ sidecar });
const imageFault = (image: string): string | undefined => imageNotAllowed({ server: withSidecar({ image }), settings: SETTINGS });
const memoryFault = (resources: NonNullable<Sidecar['resources']>): string | undefined => memoryNotPossible({ server: withSidecar({ resources }), settings: SETTINGS });

describe('the settings of a server', () => {
  test('are those of the operator where it says nothing', () => {
    expect(sidecarSettings(SETTINGS, aGuardedServer())).toEqual(SETTINGS);
    expect(sidecarSettings(SETTINGS, withSidecar({}))).toEqual(SETTINGS);
    expect(sidecarSettings(SETTINGS, withSidecar({ resources: { requests: {}, limits: {} } }))).toEqual(SETTINGS);
  });

  test('are its own where it says so, and nothing else is', () => {
    const sidecar: Sidecar = { image: 'a:1', logLevel: 'debug', resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '2Gi' } } };
    expect(sidecarSettings(SETTINGS, withSidecar(sidecar))).toEqual({
      ...SETTINGS,
      image: 'a:1',
      logLevel: 'debug',
      resources: { cpuRequest: '1', memoryRequest: '1Gi', memoryLimit: '2Gi' },
    });
    expect(sidecarSettings(SETTINGS, withSidecar({ resources: { limits: { memory: '1Gi' } } })).resources).toEqual({ ...SETTINGS.resources, memoryLimit: '1Gi' });
  });
});

describe('an image', () => {
  const DIGEST = `sha256:${'0'.repeat(64)}`;
  test.each([
    'registry.example/mcpgateway/sidecar:1.3.0',
    `registry.example/mcpgateway/sidecar@${DIGEST}`,
    `registry.example/mcpgateway/sidecar:1.3.0@${DIGEST}`,
    'mirror.example:5000/mcpgateway:1',
  ])('may be %s', (image) => {
    expect(imageFault(image)).toBeUndefined();
  });

  test.each([
    'registry.example/mcpgateway/sidecar-evil:1.2.3',
    'registry.example/mcpgateway/sidecar/evil:1.2.3',
    'registry.example/mcpgateway:1.2.3',
    'evil.example/registry.example/mcpgateway/sidecar:1.2.3',
    'mirror.example/mcpgateway:1',
    'mirror.example:5001/mcpgateway:1',
    'mirror.example:5000/mcpgateway/evil:1',
    'sidecar:1',
  ])('may not be %s, and is told which may', (image) => {
    expect(imageFault(image)).toBe(
      "spec.sidecar.image: the operator allows images of registry.example/mcpgateway/sidecar, mirror.example:5000/mcpgateway alone: name one of these, or have another repository added to the operator's configuration",
    );
  });

  test('is of the repository of the operator\'s own sidecar where its configuration adds none', () => {
    const settings = { image: `registry.example:5000/sidecar:1@${DIGEST}`, imageRepositories: [] };
    expect(allowedRepositories(settings)).toEqual(['registry.example:5000/sidecar']);
    expect(isAllowedRepository('registry.example:5000/sidecar:2', settings)).toBe(true);
    expect(isAllowedRepository('registry.example/sidecar:2', settings)).toBe(false);
  });

  test('that a server does not name needs no leave', () => {
    expect(imageNotAllowed({ server: aGuardedServer(), settings: SETTINGS })).toBeUndefined();
    expect(imageNotAllowed({ server: undefined, settings: SETTINGS })).toBeUndefined();
  });
});

describe('memory', () => {
  test.each([
    [{ requests: { memory: '256Mi' } }, undefined],
    [{ limits: { memory: '128Mi' } }, undefined],
    [{ requests: { memory: '1Gi' }, limits: { memory: '2Gi' } }, undefined],
    [{ requests: { memory: '257Mi' } }, 'a request of 257Mi of memory exceeds the limit of 256Mi'],
    [{ requests: { memory: '1Gi' } }, 'a request of 1Gi of memory exceeds the limit of 256Mi'],
  ])('%j is judged with what the operator gives otherwise', (resources, fault) => {
    expect(memoryFault(resources)).toEqual(fault === undefined ? undefined : `spec.sidecar.resources: ${fault}: set requests.memory and limits.memory both`);
  });

  test('of a server that asks for none is the operator\'s affair', () => {
    expect(memoryNotPossible({ server: aGuardedServer(), settings: SETTINGS })).toBeUndefined();
  });
});
