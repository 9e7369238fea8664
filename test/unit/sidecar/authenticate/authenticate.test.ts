import { describe, expect, test } from '@jest/globals';
import { authenticate } from '../../../../sidecar/authenticate/authenticate.ts';
import { aHead, aServer, denialOf, liveToken, NOW } from '../kit.ts';

const BEARER = liveToken();
const KEY = liveToken({ name: 'bot', type: 'APIKey' });
const SERVER = aServer({ tokens: [BEARER, KEY] });
const authorization = (value: string): readonly string[] => ['Authorization', value];

describe('authenticate', () => {
  test.each<[string, readonly string[], string]>([
    ['a bearer token', authorization(`Bearer ${BEARER.text}`), 'alice'],
    ['a scheme in another case', authorization(`bEARER ${BEARER.text}`), 'alice'],
    ['an API key', ['X-API-Key', KEY.text], 'bot'],
  ])('accepts %s', (_name, headers, subject) => {
    expect(authenticate(aHead(headers), SERVER, NOW).principal.subject).toBe(subject);
  });

  const both = [...authorization(`Bearer ${BEARER.text}`), 'X-API-Key', KEY.text];
  test.each<[string, readonly string[], string, string]>([
    ['nothing', [], 'ERR_CREDENTIAL_MISSING', 'A credential is required.'],
    ['two good credentials', both, 'ERR_CREDENTIAL_AMBIGUOUS', 'Send one credential, not several.'],
    ['an empty Authorization', authorization(''), 'ERR_CREDENTIAL_INVALID', 'The credential is not valid.'],
    ['another scheme', authorization(`Basic ${BEARER.text}`), 'ERR_CREDENTIAL_INVALID', 'The credential is not valid.'],
    ['no scheme', authorization(BEARER.text), 'ERR_CREDENTIAL_INVALID', 'The credential is not valid.'],
    ['two spaces', authorization(`Bearer  ${BEARER.text}`), 'ERR_CREDENTIAL_INVALID', 'The credential is not valid.'],
    ['two tokens in one header', authorization(`Bearer ${BEARER.text} ${BEARER.text}`), 'ERR_CREDENTIAL_INVALID', 'The credential is not valid.'],
    ['an endless token', authorization(`Bearer ${'a'.repeat(10_000)}`), 'ERR_CREDENTIAL_INVALID', 'The credential is not valid.'],
    ['an API key sent as a bearer token', authorization(`Bearer ${KEY.text}`), 'ERR_CREDENTIAL_INVALID', 'The credential is not valid.'],
    ['a bearer token sent as an API key', ['X-API-Key', BEARER.text], 'ERR_CREDENTIAL_INVALID', 'The credential is not valid.'],
    ['an empty API key', ['X-API-Key', ''], 'ERR_CREDENTIAL_INVALID', 'The credential is not valid.'],
  ])('refuses %s', (_name, headers, code, message) => {
    expect(denialOf(() => authenticate(aHead(headers), SERVER, NOW))).toMatchObject({ code, message });
  });

  test('refuses a way of travelling that the server does not declare', () => {
    const closed = { ...SERVER, bundle: { ...SERVER.bundle, authentication: { bearer: false } } };
    expect(denialOf(() => authenticate(aHead(authorization(`Bearer ${BEARER.text}`)), closed, NOW))).toMatchObject({ code: 'ERR_CREDENTIAL_INVALID' });
    expect(denialOf(() => authenticate(aHead(['X-API-Key', KEY.text]), closed, NOW))).toMatchObject({ code: 'ERR_CREDENTIAL_MISSING' });
  });
});
