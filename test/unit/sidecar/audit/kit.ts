/** Builders for exchanges and what they carry, and a clock that only moves when told. */
import { Denial } from '../../../../core/denial.ts';
import type { DenialCode } from '../../../../core/denial.ts';
import type { Message } from '../../../../core/mcp/message.ts';
import type { Principal } from '../../../../core/principal.ts';
import type { Clock } from '../../../../runtime/clock.ts';
import { createExchange } from '../../../../sidecar/audit/exchange.ts';
import type { Exchange } from '../../../../sidecar/audit/exchange.ts';

export interface ManualClock extends Clock {
  advance(byMs: number): void;
}

export function aClock(startMs = Date.UTC(2026, 10, 23, 12)): ManualClock {
  let elapsedMs = 0;
  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    advance: (byMs) => {
      elapsedMs += byMs;
    },
  };
}

export const SERVER = { namespace: 'team-a', name: 'everything', uid: '7d0c4a52-0000-4000-8000-000000000001', generation: 3 } as const;

export function aPrincipal(overrides: Partial<Principal> = {}): Principal {
  return {
    issuer: 'gateway-tokens/team-a',
    subject: 'alice',
    from: 'gatewayTokens',
    method: 'bearer',
    identity: { user: 'alice', groups: ['developers'], roles: [], attributes: {} },
    credential: { uid: '9a1b', name: 'team-a/alice-laptop', generation: 'Ab3dEf9h', expiresAtMs: 1 },
    ...overrides,
  };
}

export function aCall(name = 'echo', method = 'tools/call'): Message {
  return { kind: 'single', era: 'modern', entry: { kind: 'request', id: 7, method, target: { kind: 'tool', name } } };
}

export function aDenial(code: DenialCode, rule?: string): Denial {
  return new Denial(code, 'no', rule === undefined ? {} : { rule });
}

/** A permitted call that was answered, unless overridden. */
export function anExchange(overrides: Partial<Exchange> = {}): Exchange {
  return Object.assign(createExchange({ id: 'req-1', startedMonotonicMs: 0, peer: '10.0.0.9', httpMethod: 'POST' }), {
    server: SERVER,
    revision: 'a'.repeat(64),
    principal: aPrincipal(),
    message: aCall(),
    permitRule: 'GatewayToken/team-a/alice-laptop#permissions[0]',
    status: 200,
    bytesIn: 700,
    bytesOut: 800,
    upstreamCalled: true,
    closeCause: 'completed',
    ...overrides,
  } satisfies Partial<Exchange>);
}

/** A request whose sender is unknown and stays so. */
export function aRefusal(overrides: Partial<Exchange> = {}): Exchange {
  return anExchange({
    principal: undefined,
    message: undefined,
    permitRule: undefined,
    upstreamCalled: false,
    denial: aDenial('ERR_CREDENTIAL_INVALID'),
    status: 401,
    closeCause: 'refused',
    ...overrides,
  });
}
