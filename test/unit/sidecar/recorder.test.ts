import { describe, expect, test } from '@jest/globals';
import { Denial } from '../../../core/denial.ts';
import type { AuditLog } from '../../../sidecar/audit/log.ts';
import { createExchange } from '../../../sidecar/audit/exchange.ts';
import type { Exchange } from '../../../sidecar/audit/exchange.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { SidecarMetrics } from '../../../sidecar/metrics.ts';
import { createRecorder } from '../../../sidecar/recorder.ts';
import type { Recorder } from '../../../sidecar/recorder.ts';
import { aClock, aSnapshot, NOW } from './kit.ts';

/** Says what was called, in order. */
function recording(): { calls: unknown[][]; recorder: Recorder; clock: ReturnType<typeof aClock> } {
  const calls: unknown[][] = [];
  const spy = (target: string, special: Record<string, (...args: never[]) => void> = {}): object =>
    new Proxy({}, { get: (_, name: string) => (...args: never[]) => { calls.push([`${target}.${name}`, ...args]); special[name]?.(...args); } });
  const clock = aClock();
  const audit = spy('audit', { decide: (exchange: Exchange) => { exchange.decidedMonotonicMs = clock.monotonicMs(); } }) as AuditLog;
  return { calls, clock, recorder: createRecorder({ audit, metrics: spy('metrics') as SidecarMetrics, log: spy('log') as Logger, clock }) };
}

/** When each exchange was counted as a use or a failure. */
function counting(): { counted: [Exchange, number][]; recorder: Recorder; clock: ReturnType<typeof aClock> } {
  const counted: [Exchange, number][] = [];
  const clock = aClock();
  const ignore = new Proxy({}, { get: () => () => undefined });
  const audit = { decide: (exchange: Exchange) => { exchange.decidedMonotonicMs = clock.monotonicMs(); }, record: () => undefined } as unknown as AuditLog;
  return { counted, clock, recorder: createRecorder({ audit, metrics: ignore as SidecarMetrics, log: ignore as Logger, clock, usage: { count: (...args) => void counted.push(args) } }) };
}

const anExchange = (clock: { monotonicMs(): number }): Exchange => createExchange({ id: 'r', startedMonotonicMs: clock.monotonicMs(), peer: '', httpMethod: 'POST' });

describe('the recorder', () => {
  test('counts and records an exchange at its end, with its duration', () => {
    const { calls, recorder, clock } = recording();
    const exchange = anExchange(clock);
    clock.at += 250;
    recorder.closed(exchange);
    expect(calls).toEqual([['metrics.observe', exchange, 250], ['audit.record', exchange]]);
  });

  test.each(['revoked', 'expired', 'policy-changed', 'shutdown'] as const)('counts a stream that was cut because %s', (cause) => {
    const { calls, recorder, clock } = recording();
    const exchange = anExchange(clock);
    recorder.streamStarted(exchange);
    exchange.closeCause = cause;
    recorder.closed(exchange);
    expect(calls.map(([name]) => name)).toEqual(['metrics.streamOpened', 'audit.decide', 'metrics.streamClosed', 'metrics.streamCut', 'metrics.observe', 'audit.record']);
    expect(calls[3]).toEqual(['metrics.streamCut', cause]);
  });

  test.each(['completed', 'client-aborted', 'upstream-aborted'] as const)('counts no cut for a stream that ended as %s', (cause) => {
    const { calls, recorder, clock } = recording();
    const exchange = anExchange(clock);
    recorder.streamStarted(exchange);
    exchange.closeCause = cause;
    recorder.closed(exchange);
    expect(calls.map(([name]) => name)).toEqual(['metrics.streamOpened', 'audit.decide', 'metrics.streamClosed', 'metrics.observe', 'audit.record']);
  });

  test('a call that was cut before it streamed is no stream', () => {
    const { calls, recorder, clock } = recording();
    recorder.closed(Object.assign(anExchange(clock), { closeCause: 'revoked', denial: new Denial('ERR_CREDENTIAL_REVOKED', 'no') }));
    expect(calls.map(([name]) => name)).toEqual(['metrics.observe', 'audit.record']);
  });

  test('logs a fault of the gateway with its cause and the id the client knows', () => {
    const { calls, recorder, clock } = recording();
    const cause = new Error('bug');
    recorder.failed(anExchange(clock), cause);
    expect(calls).toEqual([['log.error', 'a request failed inside the gateway', { requestId: 'r', error: cause }]]);
  });

  test('counts bytes that are no request by their fault, never by their peer', () => {
    const { calls, recorder } = recording();
    recorder.malformed('10.0.0.9', 'HPE_INVALID_METHOD');
    expect(calls).toEqual([['metrics.malformed', 'HPE_INVALID_METHOD'], ['log.debug', 'not a request', { peer: '10.0.0.9', code: 'HPE_INVALID_METHOD' }]]);
  });

  test('says which policy is in force, what became of tokens, and what was cut', () => {
    const { calls, recorder } = recording();
    const snapshot = aSnapshot();
    const [server] = snapshot.servers.values();
    const changes = [
      { kind: 'token.revoked', uid: 'u1', name: 'default/alice' },
      { kind: 'token.expired', uid: 'u2', name: 'default/bob' },
      { kind: 'token.rotated', uid: 'u1', name: 'default/alice', generation: 'Ab3dEf9h' },
    ] as const;
    recorder.snapshotApplied(snapshot, changes, new Map([['u1', 2], ['other', 1]]));
    expect(calls).toEqual([
      ['metrics.served', [{ server: 'default/server', revision: server?.bundle.revision }]],
      ['metrics.policyConfirmed'],
      ['audit.event', { kind: 'token.revoked', credential: { uid: 'u1', name: 'default/alice' }, streamsCut: 2 }],
      ['audit.event', { kind: 'token.expired', credential: { uid: 'u2', name: 'default/bob' }, streamsCut: 0 }],
      ['audit.event', { kind: 'token.rotated', credential: { uid: 'u1', name: 'default/alice', generation: 'Ab3dEf9h' } }],
      ['log.info', 'policy in force', { revision: snapshot.revision, servers: 1, exchangesCut: 3 }],
    ]);
  });

  test('counts a call when it has ended and a stream when it begins, each once, in whole milliseconds', () => {
    const { counted, recorder, clock } = counting();
    const [call, stream] = [anExchange(clock), anExchange(clock)];
    clock.at += 0.5;
    recorder.streamStarted(stream);
    clock.at += 1_000;
    recorder.closed(call);
    recorder.closed(stream);
    expect(counted).toEqual([[stream, NOW], [call, NOW + 1_000]]);
  });
});
