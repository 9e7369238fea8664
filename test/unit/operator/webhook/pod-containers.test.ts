import { expect, test } from '@jest/globals';
import { listOf, podContainers } from '../../../../operator/webhook/pod-containers.ts';

test('the containers of every kind are found, each with its place', () => {
  const spec = { initContainers: [{ name: 'i' }], containers: [{ name: 'a' }, { name: 1 }], ephemeralContainers: [null], volumes: [{ name: 'v' }] };
  expect(podContainers(spec)).toEqual([
    { kind: 'containers', at: 'spec.containers[0]', pointer: '/spec/containers/0', name: 'a', value: { name: 'a' } },
    { kind: 'containers', at: 'spec.containers[1]', pointer: '/spec/containers/1', name: undefined, value: { name: 1 } },
    { kind: 'initContainers', at: 'spec.initContainers[0]', pointer: '/spec/initContainers/0', name: 'i', value: { name: 'i' } },
    { kind: 'ephemeralContainers', at: 'spec.ephemeralContainers[0]', pointer: '/spec/ephemeralContainers/0', name: undefined, value: null },
  ]);
});

test('what is no list is an empty one', () => {
  expect([podContainers(undefined), podContainers({ containers: {} }), listOf(null, 'x'), listOf({ x: 'y' }, 'x'), listOf([], 'length')]).toEqual([[], [], [], [], []]);
});
