import { expect, test } from '@jest/globals';
import { createHeldWriter } from '../../../../sidecar/snapshot/held-writer.ts';

test('writes one after the other, and once for all that changed meanwhile', async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const writer = createHeldWriter(() => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    return gate.promise;
  }, () => undefined);
  const first = writer.changed();
  await Promise.resolve();
  const [second, third] = [writer.changed(), writer.changed()];
  expect(second).toBe(third);
  expect(gates).toHaveLength(1);
  gates[0]!.resolve();
  expect(await first).toBe(true);
  await Promise.resolve();
  expect(gates).toHaveLength(2);
  gates[1]!.resolve();
  expect(await Promise.all([second, third, writer.settled()])).toEqual([true, true, true]);
});

test('says that a write failed, and tries the next one all the same', async () => {
  const failures: unknown[] = [];
  let fails = true;
  const writer = createHeldWriter(() => (fails ? Promise.reject(new Error('full')) : Promise.resolve()), (cause) => failures.push(cause));
  expect(await writer.changed()).toBe(false);
  expect(await writer.settled()).toBe(false);
  fails = false;
  expect(await writer.changed()).toBe(true);
  expect(failures).toHaveLength(1);
});
