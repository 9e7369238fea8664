import { expect, test } from '@jest/globals';
import { EMPTY_LEDGER } from '../../../../api/ledger.ts';
import type { Ledger, LedgerToken } from '../../../../api/ledger.ts';
import { bury, KEPT_MS, KEPT_PER_NAMESPACE } from '../../../../operator/ledger/tombstones.ts';

const anEntry = (name: string, over: Partial<LedgerToken> = {}): LedgerToken => ({ namespace: 'tools', name, uid: `uid-${name}`, firstSeenMs: 1, revoked: false, generations: [], ...over });
const shaOf = (number: number): string => String(number).padStart(64, '0');
const buryAll = (ledger: Ledger, namespace: string, count: number, nowMs: number): Ledger =>
  Array.from({ length: count }, (_, index) => anEntry(`t${String(index)}`, { namespace, declaredSha256: shaOf(index) })).reduce((before, entry) => bury(before, entry, nowMs), ledger);
const hashesIn = ({ tombstones = [] }: Ledger, namespace: string) => tombstones.filter((each) => each.namespace === namespace).map(({ sha256 }) => sha256);

test('a token that goes leaves its hash, where it was and how it ended', () => {
  const [gone, kept] = [anEntry('gone', { declaredSha256: shaOf(1), revoked: true }), anEntry('kept', { declaredSha256: shaOf(2) })];
  expect(bury({ ...EMPTY_LEDGER, tokens: [gone, kept] }, gone, 7)).toEqual({
    ...EMPTY_LEDGER, tokens: [kept], tombstones: [{ sha256: shaOf(1), namespace: 'tools', revoked: true, buriedAtMs: 7 }],
  });
});

test('one that never declared any leaves nothing', () => {
  const gone = anEntry('gone');
  expect(bury({ ...EMPTY_LEDGER, tokens: [gone] }, gone, 7)).toEqual(EMPTY_LEDGER);
});

test('a year later it is forgotten, with the next that comes', () => {
  const old = buryAll(EMPTY_LEDGER, 'tools', 1, 0);
  expect(hashesIn(bury(old, anEntry('new', { declaredSha256: shaOf(9) }), KEPT_MS - 1), 'tools')).toEqual([shaOf(0), shaOf(9)]);
  expect(hashesIn(bury(old, anEntry('new', { declaredSha256: shaOf(9) }), KEPT_MS), 'tools')).toEqual([shaOf(9)]);
});

test('whoever makes and deletes many forgets the oldest of his own, and of nobody else', () => {
  const flooded = buryAll(buryAll(EMPTY_LEDGER, 'tools', 2, 0), 'noisy', KEPT_PER_NAMESPACE + 3, 1);
  expect(hashesIn(flooded, 'tools')).toEqual([shaOf(0), shaOf(1)]);
  expect(hashesIn(flooded, 'noisy')).toEqual(Array.from({ length: KEPT_PER_NAMESPACE }, (_, index) => shaOf(index + 3)));
});
