import { expect, test } from '@jest/globals';
import { createRequestIds } from '../../../sidecar/request-id.ts';

test('ids never repeat, within a process or across two, and are safe in a header', () => {
  const [first, second] = [createRequestIds(), createRequestIds()];
  const ids = Array.from({ length: 1000 }, () => [first(), second()]).flat();
  expect(new Set(ids).size).toBe(2000);
  expect(ids.filter((id) => !/^[A-Za-z0-9_-]{12}-[0-9a-z]+$/.test(id))).toEqual([]);
});
