import { describe, expect, test } from '@jest/globals';
import { createCurrentSnapshot } from '../../../../sidecar/snapshot/current.ts';
import { aSnapshot } from '../kit.ts';

describe('the current snapshot', () => {
  test('is absent until one is published, then the newest one', () => {
    const current = createCurrentSnapshot();
    const [first, second] = [aSnapshot(), aSnapshot()];
    expect(current.get()).toBeUndefined();
    current.publish(first);
    expect(current.get()).toBe(first);
    current.publish(second);
    expect(current.get()).toBe(second);
  });

  test('is absent while it is withdrawn, and what comes next is compared with what was before', () => {
    const current = createCurrentSnapshot();
    const heard: unknown[] = [];
    current.onWithdraw(() => heard.push(current.get()));
    current.onChange((_next, previous) => heard.push(previous));
    current.withdraw();
    const [first, second] = [aSnapshot(), aSnapshot()];
    current.publish(first);
    current.withdraw();
    current.withdraw();
    expect(current.get()).toBeUndefined();
    current.publish(second);
    expect(current.get()).toBe(second);
    expect(heard).toEqual([undefined, undefined, first]);
  });

  test('is already in force when listeners hear of it, and all have heard when publishing returns', () => {
    const current = createCurrentSnapshot();
    const heard: boolean[] = [];
    for (const _ of [1, 2]) current.onChange((next) => heard.push(current.get() === next));
    current.publish(aSnapshot());
    expect(heard).toEqual([true, true]);
  });
});
