import { describe, expect, test } from '@jest/globals';
import { readPodClaims } from '../../../../operator/bundle/pod-claims.ts';
import { aJwt, aPodToken, podClaims } from '../../../kit/pod-tokens.ts';

const OF = { pod: { namespace: 'tools', name: 'github-0', uid: 'pod-uid' }, server: { namespace: 'tools', name: 'github' }, expiresAtMs: 1_800_000_000_000 };
const CLAIMS = podClaims(OF);
const READ = { audiences: ['mcpgateway.dev/bundles/tools/github'], expiresAtMs: 1_800_000_000_000, namespace: 'tools', podName: 'github-0', podUid: 'pod-uid' };
const encoded = (text: string): string => Buffer.from(text).toString('base64url');

describe('the claims of a token', () => {
  test('are those of the pod it is bound to', () => {
    expect(readPodClaims(aPodToken(OF))).toEqual(READ);
  });

  test('may name one audience without a list', () => {
    expect(readPodClaims(aJwt({ ...CLAIMS, aud: 'one' }))?.audiences).toEqual(['one']);
    expect(readPodClaims(aJwt({ ...CLAIMS, aud: [1, 'two', null] }))?.audiences).toEqual(['two']);
    expect(readPodClaims(aJwt({ ...CLAIMS, aud: undefined }))?.audiences).toEqual([]);
  });
});

describe('a token is not of a pod', () => {
  test.each([
    ['nothing', ''],
    ['one part', 'token'],
    ['an empty part', 'a..c'],
    ['no base64', 'a.%%%.c'],
    ['no JSON', `a.${encoded('{"exp":')}.c`],
    ['no UTF-8', `a.${Buffer.from([0xff, 0xfe]).toString('base64url')}.c`],
    ['null', aJwt(null)],
    ['a list', aJwt([CLAIMS])],
    ['a number', aJwt(1_800_000_000)],
    ['no end', aJwt({ ...CLAIMS, exp: undefined })],
    ['an end in words', aJwt({ ...CLAIMS, exp: '1800000000' })],
    ['an end beyond all numbers', `a.${encoded(JSON.stringify(CLAIMS).replace('1800000000', '1e999'))}.c`],
    ['an account that is bound to nothing', aJwt({ ...CLAIMS, 'kubernetes.io': { namespace: 'tools' } })],
    ['a pod without a uid', aJwt({ ...CLAIMS, 'kubernetes.io': { namespace: 'tools', pod: { name: 'github-0' } } })],
    ['a pod without a namespace', aJwt({ ...CLAIMS, 'kubernetes.io': { pod: { name: 'github-0', uid: 'pod-uid' } } })],
    ['claims that only inherit them', `a.${encoded(`{"__proto__":${JSON.stringify(CLAIMS)}}`)}.c`],
  ])('with %s, and nothing is thrown', (_what, token) => {
    expect(readPodClaims(token)).toBeUndefined();
  });
});
