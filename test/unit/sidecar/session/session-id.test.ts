import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { formatHolder } from '../../../../sidecar/session/holder.ts';
import { createSessionKey, unwrapSessionId, wrapSessionId } from '../../../../sidecar/session/session-id.ts';

const keyOf = (byte: number): ReturnType<typeof createSessionKey> => createSessionKey(Buffer.alloc(32, byte).toString('base64url'));
const ALICE = {
  sessionKey: keyOf(7), serverUid: 'server-1', issuer: 'gateway-tokens/tools', subject: 'alice',
};
const HOLDER = formatHolder({ podUid: '01234567-89ab-4def-8123-456789abcdef', ip: '10.1.2.3' });
const VISIBLE = fc.stringMatching(/^[\x21-\x7e]{1,512}$/);

describe('a session id', () => {
  test('comes back to its principal as the id of the upstream, and is visible ASCII', () => {
    fc.assert(
      fc.property(VISIBLE, (upstreamId) => {
        const id = wrapSessionId({ ...ALICE, holder: HOLDER, upstreamId });
        expect(id).toMatch(/^s1\.[A-Za-z0-9_-]{32}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
        expect(unwrapSessionId({ ...ALICE, id })).toEqual({ holder: HOLDER, upstreamId });
      }),
    );
  });

  test.each([
    ['another subject', { subject: 'bob' }],
    ['the same subject of another issuer', { issuer: 'gateway-tokens/other' }],
    ['another server', { serverUid: 'server-2' }],
    ['another key', { sessionKey: keyOf(8) }],
    ['fields shifted by one character', { issuer: 'gateway-tokens/toolsa', subject: 'lice' }],
  ])('H1 is unknown to %s', (_name, other) => {
    const id = wrapSessionId({ ...ALICE, holder: HOLDER, upstreamId: 'abc' });
    expect(unwrapSessionId({ ...ALICE, ...other, id })).toBeUndefined();
  });

  test('H2 is unknown when one character is changed, added or left out', () => {
    const id = wrapSessionId({ ...ALICE, holder: HOLDER, upstreamId: 'session-0001' });
    for (let i = 0; i < id.length; i += 1) {
      const altered = [id.slice(0, i) + id.slice(i + 1), `${id.slice(0, i)}A${id.slice(i)}`, id.slice(0, i) + (id[i] === 'A' ? 'B' : 'A') + id.slice(i + 1)];
      for (const text of altered) expect([text, unwrapSessionId({ ...ALICE, id: text })]).toEqual([text, undefined]);
    }
  });

  test('leads to another pod or to none only as it was made', () => {
    const id = wrapSessionId({ ...ALICE, holder: HOLDER, upstreamId: 'abc' });
    const [form = '', mac = '', , upstream = ''] = id.split('.');
    const elsewhere = formatHolder({ podUid: '01234567-89ab-4def-8123-456789abcdef', ip: '10.1.2.4' });
    for (const holder of ['', elsewhere, `${HOLDER}A`, HOLDER.slice(0, -1)]) expect(unwrapSessionId({ ...ALICE, id: [form, mac, holder, upstream].join('.') })).toBeUndefined();
    // Characters may not move from one field to the next.
    expect(unwrapSessionId({ ...ALICE, id: `${form}.${mac}.${HOLDER}${upstream[0] ?? ''}.${upstream.slice(1)}` })).toBeUndefined();
    const standalone = wrapSessionId({ ...ALICE, holder: '', upstreamId: 'abc' });
    expect(unwrapSessionId({ ...ALICE, id: standalone })).toEqual({ holder: '', upstreamId: 'abc' });
    expect(unwrapSessionId({ ...ALICE, id: standalone.replace('..', `.${HOLDER}.`) })).toBeUndefined();
  });

  test('H2 has one spelling: spare bits of the last character change it', () => {
    const id = wrapSessionId({ ...ALICE, holder: HOLDER, upstreamId: 'a' });
    expect(id.endsWith('.YQ')).toBe(true);
    expect(Buffer.from('YR', 'base64url').toString()).toBe('a');
    expect(unwrapSessionId({ ...ALICE, id: `${id.slice(0, -1)}R` })).toBeUndefined();
  });

  test('H6 cannot be chosen: the bare id of the upstream and guesses are unknown', () => {
    const guesses = ['', 'abc', 's1..', `s1.${'A'.repeat(32)}.YWJj`, `s1.${'A'.repeat(32)}..YWJj`, `s1.${'A'.repeat(32)}.${HOLDER}.YWJj`, `s2.${'A'.repeat(32)}.YWJj`, 'x'.repeat(1024 * 1024), 's1.\u0000', 'é'.repeat(50)];
    expect(guesses.filter((id) => unwrapSessionId({ ...ALICE, id }) !== undefined)).toEqual([]);
  });

  test('no text makes unwrapping throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (id) => unwrapSessionId({ ...ALICE, id }) === undefined));
  });

  test.each([['an empty one', ''], ['513 characters', 'x'.repeat(513)], ['a space', 'a b'], ['a line end', 'a\r\nb'], ['non-ASCII', 'ä']])(
    'is not made from an upstream id with %s',
    (_name, upstreamId) => {
      expect(() => wrapSessionId({ ...ALICE, holder: HOLDER, upstreamId })).toThrow(
        expect.objectContaining({ name: 'Denial', code: 'ERR_UPSTREAM_RESPONSE_INVALID', message: 'The server behind the gateway sent an invalid session id.' }),
      );
    },
  );

  test.each(['', 'c2hvcnQ', Buffer.alloc(33).toString('base64url')])('is never made with a key of another length: "%s"', (text) => {
    expect(() => createSessionKey(text)).toThrow(TypeError);
  });
});
