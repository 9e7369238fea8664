import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { formatHolder, parseHolder } from '../../../../sidecar/session/holder.ts';

describe('the holder of a session', () => {
  test('comes back as it was, in few characters of base64url', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.oneof(fc.ipV4(), fc.ipV6()), (podUid, ip) => {
        const text = formatHolder({ podUid, ip });
        expect(text).toMatch(/^[A-Za-z0-9_-]{22,82}$/);
        expect(parseHolder(text)).toEqual({ podUid, ip });
      }),
    );
  });

  test.each([['a name', 'metadata.internal'], ['an address with a zone', 'fe80::1%eth0'], ['nothing', ''], ['an address with a port', '10.0.0.1:80']])('is never written with %s for its address', (_name, ip) => {
    expect(() => formatHolder({ podUid: '01234567-89ab-4def-8123-456789abcdef', ip })).toThrow(TypeError);
  });

  test.each(['', 'abc', '01234567-89ab-4def-8123-456789abcde', '01234567-89AB-4DEF-8123-456789ABCDEF'])('is never written with "%s" for its UID', (podUid) => {
    expect(() => formatHolder({ podUid, ip: '10.0.0.1' })).toThrow(TypeError);
  });

  test('is nobody in any other text, and no text makes reading it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => parseHolder(text) === undefined));
    const named = Buffer.concat([Buffer.alloc(16, 1), Buffer.from('metadata.internal')]).toString('base64url');
    expect([named, '', 'AAAA', 'A'.repeat(22)].map(parseHolder)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
