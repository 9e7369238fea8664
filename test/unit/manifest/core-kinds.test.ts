import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeSecret, secretProblems } from '../../../manifest/core-kinds.ts';

const aSecret = (data: Record<string, string>, stringData: Record<string, string> = {}) =>
  ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'b' }, type: 'Opaque', data, stringData }) as const;

describe('data of a Secret', () => {
  test('is decoded to the same bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const secret = aSecret({ k: Buffer.from(bytes).toString('base64') });
        expect(secretProblems(secret)).toEqual([]);
        expect(Buffer.from(decodeSecret(secret).data['k'] ?? [])).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('may be folded over several lines', () => {
    const secret = aSecret({ k: 'aGVs\nbG8=\n' });
    expect(secretProblems(secret)).toEqual([]);
    expect(Buffer.from(decodeSecret(secret).data['k'] ?? []).toString()).toBe('hello');
  });

  test.each(['aGVsbG8', 'aGVs bG8=', 'aGVsbG8*', '_-_-', '=aGV', 'aG=='.slice(0, 3)])('must be base64, unlike %j', (text) => {
    expect(secretProblems(aSecret({ good: '', k: text }))).toEqual([
      { path: ['data', 'k'], problem: 'must be base64; for plain text use stringData' },
    ]);
  });

  test('keeps a key named __proto__ as a key', () => {
    const decoded = decodeSecret(aSecret({}, Object.fromEntries([['__proto__', 'x']])));
    expect(Object.keys(decoded.data)).toEqual(['__proto__']);
  });
});
