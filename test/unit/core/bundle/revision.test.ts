import { expect, test } from '@jest/globals';
import { hashCanonical, revisionOf } from '../../../../core/bundle/revision.ts';
import { aRevision } from '../../../kit/bundle-changes.ts';

test('does not depend on the order of keys, at any depth', () => {
  expect(hashCanonical({ a: 1, b: { c: [{ d: 1, e: 2 }], f: null } })).toBe(hashCanonical({ b: { f: null, c: [{ e: 2, d: 1 }] }, a: 1 }));
});

test.each([{ a: 2 }, { a: '1' }, { a: [1] }, { b: 1 }, { a: 1, b: undefined, c: null }, JSON.parse('{"a":1,"__proto__":2}') as object])('differs for %j', (other) => {
  expect(hashCanonical(other)).not.toBe(hashCanonical({ a: 1 }));
});

test('depends on the order of lists', () => {
  expect(hashCanonical({ a: [1, 2] })).not.toBe(hashCanonical({ a: [2, 1] }));
});

test('is the SHA-256 of canonical JSON', () => {
  // printf '{"a":1,"b":2}' | sha256sum
  expect(hashCanonical({ b: 2, a: 1 })).toBe('43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777');
});

test('is the same for equal content, whatever the objects, their order and what is remembered', () => {
  const bundle = aRevision(['a', 'b', 'c']);
  const hashes = new WeakMap();
  const copy = structuredClone({ ...bundle, tokens: [...bundle.tokens].reverse(), order: {}, revision: '' });
  expect(revisionOf(bundle, hashes)).toBe(bundle.revision);
  expect(revisionOf(bundle, hashes)).toBe(bundle.revision);
  expect(revisionOf(copy)).toBe(bundle.revision);
});

test('changes with any token and any other member', () => {
  const bundle = aRevision(['a', 'b']);
  const [first, ...others] = bundle.tokens;
  const changed = [{ ...bundle, tokens: others }, { ...bundle, tokens: [{ ...first!, revoked: true }, ...others] }, { ...bundle, sessionKey: 'other' }, { ...bundle, maxStalenessMs: 1 }, { ...bundle, peerAuthorities: ['PEM'] }, { ...bundle, rules: [] , forwardedAttributes: ['x'] }];
  for (const other of changed) expect(revisionOf(other)).not.toBe(bundle.revision);
});

test('one changed token among ten thousand costs one hash, not ten thousand', () => {
  const bundle = aRevision(Array.from({ length: 10_000 }, (_, index) => `t${index}`));
  let stringified = 0;
  const tokens = bundle.tokens.map((token) => Object.defineProperty({ ...token }, 'toJSON', { value: () => { stringified += 1; return token; }, enumerable: false }));
  const hashes = new WeakMap();
  revisionOf({ ...bundle, tokens }, hashes);
  expect(stringified).toBe(10_000);
  revisionOf({ ...bundle, tokens: tokens.with(17, { ...tokens[17]!, revoked: true }) }, hashes);
  expect(stringified).toBe(10_000);
});
