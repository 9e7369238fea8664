import { describe, expect, test } from '@jest/globals';
import { renderEvent, renderGap, renderRefusals, renderStart, renderStop } from '../../../../sidecar/audit/event.ts';
import type { AuditEvent } from '../../../../sidecar/audit/event.ts';

const parse = (members: string): unknown => JSON.parse(`{${members}}`);
const credential = { uid: '9a1b', name: 'team-a/alice-laptop', generation: 'Ab3dEf9h' };

describe('events', () => {
  test.each<[AuditEvent, Record<string, unknown>]>([
    [{ kind: 'token.minted', credential }, { code: 'MCP3001', credential: 'team-a/alice-laptop', credId: '9a1b#Ab3dEf9h' }],
    [{ kind: 'token.rotated', credential }, { code: 'MCP3002', credential: 'team-a/alice-laptop', credId: '9a1b#Ab3dEf9h' }],
    [
      { kind: 'token.revoked', credential: { uid: '9a1b', name: 'team-a/x' }, streamsCut: 3 },
      { code: 'MCP3003', credential: 'team-a/x', credId: '9a1b', streamsCut: 3 },
    ],
    [
      { kind: 'token.expired', credential, streamsCut: 0 },
      { code: 'MCP3004', credential: 'team-a/alice-laptop', credId: '9a1b#Ab3dEf9h', streamsCut: 0 },
    ],
    [
      { kind: 'snapshot.applied', revision: 'abc', servers: 2, problems: 1 },
      { code: 'MCP4001', snapshot: { revision: 'abc', servers: 2, problems: 1 } },
    ],
  ])('$kind says exactly what it is about', (event, members) => {
    expect(parse(renderEvent(event))).toEqual({ event: event.kind, ...members });
  });

  test('M2: nothing but the named members of a credential is written', () => {
    const carrying = { ...credential, secret: 'canary', expiresAtMs: 1 };
    expect(renderEvent({ kind: 'token.minted', credential: carrying })).not.toContain('canary');
  });

  test('the records of the log itself', () => {
    expect(parse(renderStart('c0ffee'))).toEqual({ code: 'MCP1001', event: 'audit.start', chain: 'c0ffee' });
    expect(parse(renderGap(12))).toEqual({ code: 'MCP1002', event: 'audit.gap', dropped: 12 });
    expect(parse(renderStop())).toEqual({ code: 'MCP1004', event: 'audit.stop' });
    const reasons = new Map([['ERR_CREDENTIAL_MISSING', 3] as const]);
    expect(parse(renderRefusals({ peer: '10.0.0.9', count: 3, reasons }))).toEqual({
      code: 'MCP1003',
      event: 'audit.refusals',
      outcome: 'denied',
      refusals: { peer: '10.0.0.9', count: 3, windowMs: 60_000, reasons: { ERR_CREDENTIAL_MISSING: 3 } },
    });
  });
});
