import { expect, test } from '@jest/globals';
import { EVENT_CODES, exchangeCode } from '../../../../sidecar/audit/codes.ts';
import { anExchange, aRefusal } from './kit.ts';

test('the codes that alerts are written against do not change', () => {
  expect(EVENT_CODES).toEqual({
    'audit.start': 'MCP1001',
    'audit.gap': 'MCP1002',
    'audit.refusals': 'MCP1003',
    'audit.stop': 'MCP1004',
    'token.minted': 'MCP3001',
    'token.rotated': 'MCP3002',
    'token.revoked': 'MCP3003',
    'token.expired': 'MCP3004',
    'snapshot.applied': 'MCP4001',
  });
});

test.each([
  ['request', 'MCP2001', 'MCP2002', 'MCP2003'],
  ['decide', 'MCP2011', 'MCP2012', 'MCP2013'],
  ['close', 'MCP2021', 'MCP2022', 'MCP2023'],
] as const)('%s: allowed, denied and aborted have codes of their own', (phase, allowed, denied, aborted) => {
  const exchange = anExchange();
  expect(exchangeCode(exchange, phase, 'allowed')).toBe(allowed);
  expect(exchangeCode(exchange, phase, 'denied')).toBe(denied);
  expect(exchangeCode(exchange, phase, 'aborted')).toBe(aborted);
});

test('a refusal of somebody unknown has its own code', () => {
  expect(exchangeCode(aRefusal(), 'request', 'denied')).toBe('MCP2004');
});
