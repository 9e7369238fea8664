/** Stable codes of audit events: an alert written against a code keeps working. Numbers are never reused. */
import type { Exchange, Outcome } from './exchange.ts';

export const EVENT_CODES = {
  'audit.start': 'MCP1001',
  'audit.gap': 'MCP1002',
  'audit.refusals': 'MCP1003',
  'audit.stop': 'MCP1004',
  'token.minted': 'MCP3001',
  'token.rotated': 'MCP3002',
  'token.revoked': 'MCP3003',
  'token.expired': 'MCP3004',
  'snapshot.applied': 'MCP4001',
} as const;

export type EventName = keyof typeof EVENT_CODES;

/** `request`: decision and completion in one record. `decide` and `close`: the two records of a stream. */
export type Phase = 'request' | 'decide' | 'close';

const EXCHANGE_CODES = {
  request: { allowed: 'MCP2001', denied: 'MCP2002', aborted: 'MCP2003' },
  decide: { allowed: 'MCP2011', denied: 'MCP2012', aborted: 'MCP2013' },
  close: { allowed: 'MCP2021', denied: 'MCP2022', aborted: 'MCP2023' },
} as const satisfies Record<Phase, Record<Outcome, string>>;

/** A request that was refused before anyone was authenticated. */
const UNAUTHENTICATED_CODE = 'MCP2004';

export function exchangeCode(exchange: Exchange, phase: Phase, result: Outcome): string {
  if (result === 'denied' && exchange.principal === undefined) return UNAUTHENTICATED_CODE;
  return EXCHANGE_CODES[phase][result];
}
