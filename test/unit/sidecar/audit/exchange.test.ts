import { describe, expect, test } from '@jest/globals';
import { DENIAL_CODES } from '../../../../core/denial.ts';
import { createExchange, isSessionName, outcome, sessionName } from '../../../../sidecar/audit/exchange.ts';
import { aDenial, anExchange, aRefusal } from './kit.ts';

const start = { id: 'r', startedMonotonicMs: 5, peer: '10.0.0.9', httpMethod: 'POST' };

describe('an exchange', () => {
  test('that ends before any decision is aborted, not allowed', () => {
    expect(outcome(createExchange(start))).toBe('aborted');
    expect(outcome(createExchange({ ...start, userAgent: 'x' }))).toBe('aborted');
  });

  test('with a permit is allowed', () => {
    expect(outcome(anExchange())).toBe('allowed');
  });

  test('that was permitted and then failed at the upstream stays allowed', () => {
    expect(outcome(anExchange({ denial: aDenial('ERR_UPSTREAM_UNREACHABLE'), status: 502 }))).toBe('allowed');
  });

  test('that was permitted and then refused is denied', () => {
    expect(outcome(anExchange({ denial: aDenial('ERR_SESSION_UNKNOWN'), status: 404 }))).toBe('denied');
  });

  test.each(DENIAL_CODES)('without a permit and with %s is denied', (code) => {
    expect(outcome(aRefusal({ denial: aDenial(code) }))).toBe('denied');
  });
});

describe('the name of a session', () => {
  test('is short, always the same, and not the id', () => {
    const name = sessionName('1868a90c-canary');
    expect(name).toMatch(/^[0-9a-f]{16}$/);
    expect(sessionName('1868a90c-canary')).toBe(name);
    expect(sessionName('1868a90c-canarz')).not.toBe(name);
    expect(isSessionName(name)).toBe(true);
  });

  test.each(['', '1868a90c-e0c7-4b1c', 'ABCDEF0123456789', `${'a'.repeat(16)}\n`, 'a'.repeat(17)])('is not mistaken for %j', (id) => {
    expect(isSessionName(id)).toBe(false);
  });
});
