import { describe, expect, test } from '@jest/globals';
import { podEnd } from '../../../../operator/webhook/pod-end.ts';
import type { PodEnd } from '../../../../operator/webhook/pod-end.ts';
import { aPod, applyPatch } from '../../../kit/pod-examples.ts';
import type { Mutable } from '../../../kit/pod-examples.ts';

const endOf = (spec: Mutable = {}): PodEnd => podEnd(aPod(spec), 3000);
const delays = (spec: Mutable): unknown[] => {
  const pod = aPod(spec);
  const { containers } = applyPatch(pod, podEnd(pod, 3000).patch)['spec'] as { containers: { lifecycle?: { preStop?: unknown } }[] };
  return containers.map(({ lifecycle }) => lifecycle?.preStop);
};
const sleep = (seconds: number): Mutable => ({ sleep: { seconds } });

describe('the end of a pod', () => {
  test.each([
    [undefined, 5, 20],
    [30, 5, 20],
    [600, 5, 25],
    [35, 5, 25],
    [20, 5, 10],
    [10, 2, 3],
    [5, 1, 0],
    [4, 1, 0],
    [3, 0, 0],
    [0, 0, 0],
  ])('with %p seconds gives the server %p seconds more and the sidecar %p to drain', (grace, seconds, drainSeconds) => {
    const spec = grace === undefined ? {} : { terminationGracePeriodSeconds: grace };
    expect(endOf(spec).drainSeconds).toBe(drainSeconds);
    expect(delays({ containers: [{ name: 'server' }], ...spec })).toEqual([seconds === 0 ? undefined : sleep(seconds)]);
    // What the API server accepts, and in time for the sidecar to write the last record.
    expect(seconds).toBeLessThanOrEqual(grace ?? 30);
    expect(seconds + drainSeconds + (grace === undefined || grace >= 6 ? 5 : 0)).toBeLessThanOrEqual(grace ?? 30);
  });

  test('delays the container that says the port is its own, and no other', () => {
    expect(delays({ containers: [{ name: 'a', ports: [{ containerPort: 1 }] }, { name: 'b', ports: [{ containerPort: 3000 }] }] })).toEqual([undefined, sleep(5)]);
  });

  test('delays all where none says so', () => {
    expect(delays({ containers: [{ name: 'a' }, { name: 'b' }] })).toEqual([sleep(5), sleep(5)]);
  });

  test('leaves a hook alone that is there, and keeps one for the start', () => {
    const preStop = { exec: { command: ['drain'] } };
    const postStart = { exec: { command: ['warm'] } };
    const containers = [{ name: 'a', lifecycle: { preStop } }, { name: 'b', lifecycle: { postStart } }];
    expect(delays({ containers })).toEqual([preStop, sleep(5)]);
    const pod = aPod({ containers });
    expect(applyPatch(pod, podEnd(pod, 3000).patch)).toMatchObject({ spec: { containers: [{}, { lifecycle: { postStart } }] } });
  });

  test('is not delayed twice', () => {
    const pod = applyPatch(aPod(), endOf().patch);
    expect(podEnd(pod, 3000)).toEqual({ patch: [], drainSeconds: 20 });
  });

  test('delays no init container', () => {
    expect(endOf({ containers: [], initContainers: [{ name: 'native', restartPolicy: 'Always', ports: [{ containerPort: 3000 }] }] }).patch).toEqual([]);
  });
});
