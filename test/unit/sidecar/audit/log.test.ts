import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createAuditLog } from '../../../../sidecar/audit/log.ts';
import type { AuditLog } from '../../../../sidecar/audit/log.ts';
import { OTHER_PEERS } from '../../../../sidecar/audit/refusal-rate.ts';
import { verifyChain } from '../../../../sidecar/audit/verify.ts';
import { aClock, aDenial, anExchange, aRefusal } from './kit.ts';
import type { ManualClock } from './kit.ts';

interface Line {
  readonly seq: number;
  readonly event: string;
  readonly code: string;
  readonly refusals?: { readonly peer: string; readonly count: number };
  readonly [member: string]: unknown;
}

interface Trial {
  readonly audit: AuditLog;
  readonly clock: ManualClock;
  readonly counts: { recorded: number; dropped: number; summarised: number };
  readonly chunks: string[];
  /** While false, writes are accepted and never end. */
  draining: boolean;
  failure: Error | undefined;
  resume(): void;
  text(): string[];
  lines(): Line[];
}

const QUEUE_BYTES = 64 * 1024;

function aTrial(limits: Partial<{ maxQueueBytes: number; unauthenticatedPerPeerPerMinute: number }> = {}): Trial {
  const counts = { recorded: 0, dropped: 0, summarised: 0 };
  const clock = aClock();
  const stuck: (() => void)[] = [];
  const trial: Trial = {
    audit: createAuditLog({
      write: (chunk, written) => {
        if (trial.failure === undefined) trial.chunks.push(chunk);
        const { failure } = trial;
        if (trial.draining) process.nextTick(() => written(failure));
        else stuck.push(() => written(failure));
      },
      clock,
      gateway: { instance: 'pod-1', version: '0.1.0' },
      observer: {
        recorded: () => void (counts.recorded += 1),
        dropped: (records) => void (counts.dropped += records),
        summarised: () => void (counts.summarised += 1),
      },
      limits: { flushMs: 10, maxQueueBytes: QUEUE_BYTES, unauthenticatedPerPeerPerMinute: 3, ...limits },
    }),
    clock,
    counts,
    chunks: [],
    draining: true,
    failure: undefined,
    resume() {
      trial.draining = true;
      for (const end of stuck.splice(0)) end();
    },
    text: () => trial.chunks.join('').split('\n').slice(0, -1),
    lines: () => trial.text().map((line) => JSON.parse(line)),
  };
  return trial;
}

const events = (trial: Trial): string[] => trial.lines().map(({ event }) => event);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] }));
afterEach(() => void jest.useRealTimers());

describe('the audit log', () => {
  test('begins with a record that names its chain and ends with one that says so', async () => {
    const trial = aTrial();
    await trial.audit.close();
    expect(trial.lines()).toEqual([
      expect.objectContaining({ seq: 1, prev: '0'.repeat(32), event: 'audit.start', chain: expect.stringMatching(/^[0-9a-f]{32}$/) }),
      expect.objectContaining({ seq: 2, event: 'audit.stop' }),
    ]);
    const other = aTrial();
    await other.audit.flush();
    expect(other.lines()[0]?.['chain']).not.toBe(trial.lines()[0]?.['chain']);
  });

  test('writes within 10 ms, everything of that time at once', async () => {
    const trial = aTrial();
    trial.audit.record(anExchange());
    trial.audit.record(anExchange());
    await jest.advanceTimersByTimeAsync(9);
    expect(trial.chunks).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(trial.chunks).toHaveLength(1);
    expect(events(trial)).toEqual(['audit.start', 'tools/call', 'tools/call']);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a short exchange has one line with decision and completion', async () => {
    const trial = aTrial();
    trial.audit.record(anExchange());
    await trial.audit.flush();
    expect(trial.lines()[1]).toMatchObject({ code: 'MCP2001', event: 'tools/call', close: 'completed', http: { status: 200 } });
  });

  test('a stream has a line when it is decided upon and one when it ends', async () => {
    const trial = aTrial();
    const exchange = anExchange({ message: { kind: 'stream', era: 'legacy' }, closeCause: undefined });
    trial.audit.decide(exchange);
    trial.clock.advance(3_600_000);
    exchange.closeCause = 'revoked';
    trial.audit.record(exchange);
    await trial.audit.flush();
    expect(trial.lines().slice(1)).toMatchObject([
      { code: 'MCP2011', event: 'stream.decide', outcome: 'allowed', http: { latencyMs: 0 } },
      { code: 'MCP2021', event: 'stream.close', close: 'revoked', http: { latencyMs: 3_600_000 } },
    ]);
    expect(trial.lines()[1]).not.toHaveProperty('close');
  });

  test('reports of other modules are part of the same chain', async () => {
    const trial = aTrial();
    trial.audit.event({ kind: 'snapshot.applied', revision: 'abc', servers: 1, problems: 0 });
    trial.audit.event({ kind: 'token.revoked', credential: { uid: 'u', name: 'ns/t' }, streamsCut: 2 });
    await trial.audit.close();
    expect(events(trial)).toEqual(['audit.start', 'snapshot.applied', 'token.revoked', 'audit.stop']);
    expect(verifyChain(trial.text())).toEqual({ state: 'intact', from: 1, to: 4, dropped: 0 });
  });

  test('refuses a queue that cannot hold two lines', () => {
    expect(() => aTrial({ maxQueueBytes: 8192 })).toThrow(TypeError);
  });

  test('what comes after the end is dropped and counted', async () => {
    const trial = aTrial();
    await trial.audit.close();
    trial.audit.record(anExchange());
    await trial.audit.flush();
    expect(events(trial)).toEqual(['audit.start', 'audit.stop']);
    expect(trial.counts.dropped).toBe(1);
  });
});

describe('L3: a sink that is blocked', () => {
  test('bounds the queue and is followed by a gap record with the exact number', async () => {
    const trial = aTrial();
    trial.draining = false;
    for (let index = 0; index < 1_000; index += 1) {
      trial.audit.record(anExchange());
      if (index % 10 === 0) await jest.advanceTimersByTimeAsync(10);
    }
    const { dropped } = trial.counts;
    expect(dropped).toBeGreaterThan(0);
    trial.resume();
    await trial.audit.flush();
    trial.audit.record(anExchange());
    await trial.audit.close();
    const written = events(trial).filter((event) => event === 'tools/call').length;
    expect(written + dropped).toBe(1_001);
    expect(trial.lines().filter(({ event }) => event === 'audit.gap')).toMatchObject([{ dropped }]);
    expect(sum(trial.chunks.map(({ length }) => length))).toBeLessThan(2 * QUEUE_BYTES);
    expect(verifyChain(trial.text())).toEqual({ state: 'intact', from: 1, to: trial.text().length, dropped });
  });

  test('the gap is on record when the sink has drained, without a further request', async () => {
    const trial = aTrial({ maxQueueBytes: 16_384 });
    trial.draining = false;
    for (let index = 0; index < 50; index += 1) trial.audit.record(anExchange());
    trial.resume();
    await trial.audit.flush();
    expect(trial.lines().at(-1)).toMatchObject({ event: 'audit.gap', dropped: trial.counts.dropped });
  });

  test('an authenticated denial is lost only with the sink, and then counted', async () => {
    const trial = aTrial();
    const denied = anExchange({ permitRule: undefined, denial: aDenial('ERR_PERMISSION_DENIED') });
    for (let index = 0; index < 40; index += 1) {
      trial.audit.record(denied);
      await trial.audit.flush();
    }
    expect(events(trial).filter((event) => event === 'tools/call')).toHaveLength(40);
    expect(trial.counts).toMatchObject({ dropped: 0, summarised: 0 });
  });
});

describe('L3: a sink that fails', () => {
  test('what it refused is in a later gap record, also when that record was refused at first', async () => {
    const trial = aTrial();
    await trial.audit.flush();
    trial.failure = new Error('disk full');
    for (let index = 0; index < 3; index += 1) {
      trial.audit.record(anExchange());
      await trial.audit.flush();
    }
    trial.failure = undefined;
    trial.audit.record(anExchange());
    await trial.audit.close();
    const gaps = trial.lines().filter(({ event }) => event === 'audit.gap');
    expect(gaps).toMatchObject([{ dropped: 3 }]);
    expect(events(trial)).toEqual(['audit.start', 'audit.gap', 'tools/call', 'audit.stop']);
    expect(trial.counts.dropped).toBe(3);
    expect(verifyChain(trial.text())).toMatchObject({ state: 'gap', after: 1 });
  });
});

describe('refusals of strangers', () => {
  test('beyond the rate of their peer are counted exactly in one line per peer and minute', async () => {
    const trial = aTrial();
    for (let index = 0; index < 100; index += 1) trial.audit.record(aRefusal({ peer: '10.0.0.1' }));
    for (let index = 0; index < 5; index += 1) trial.audit.record(aRefusal({ peer: '10.0.0.2', denial: aDenial('ERR_CREDENTIAL_MISSING') }));
    await trial.audit.flush();
    expect(events(trial).filter((event) => event === 'http')).toHaveLength(6);
    trial.clock.advance(60_000);
    await jest.advanceTimersByTimeAsync(60_000);
    await trial.audit.flush();
    expect(trial.lines().filter(({ event }) => event === 'audit.refusals')).toMatchObject([
      { code: 'MCP1003', refusals: { peer: '10.0.0.1', count: 97, reasons: { ERR_CREDENTIAL_INVALID: 97 } } },
      { refusals: { peer: '10.0.0.2', count: 2, reasons: { ERR_CREDENTIAL_MISSING: 2 } } },
    ]);
    expect(trial.counts).toMatchObject({ dropped: 0, summarised: 99 });
    trial.audit.record(aRefusal({ peer: '10.0.0.1' }));
    await trial.audit.flush();
    expect(events(trial).filter((event) => event === 'http')).toHaveLength(7);
  });

  test('of ten thousand peers stay bounded, and every one is counted', async () => {
    const trial = aTrial({ maxQueueBytes: 64 << 20 });
    for (let index = 0; index < 10_000; index += 1) {
      for (let times = 0; times < 4; times += 1) trial.audit.record(aRefusal({ peer: `10.1.${index >> 8}.${index & 255}` }));
    }
    await trial.audit.close();
    const single = events(trial).filter((event) => event === 'http').length;
    const summaries = trial.lines().flatMap(({ refusals }) => refusals ?? []);
    expect(summaries).toHaveLength(1_025);
    expect(summaries.at(-1)?.peer).toBe(OTHER_PEERS);
    expect(single + sum(summaries.map(({ count }) => count))).toBe(40_000);
  });

  test('that were counted are on record when the process ends first', async () => {
    const trial = aTrial();
    for (let index = 0; index < 10; index += 1) trial.audit.record(aRefusal());
    await trial.audit.close();
    expect(events(trial)).toEqual(['audit.start', 'http', 'http', 'http', 'audit.refusals', 'audit.stop']);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a window whose end nobody noticed ends with the next refusal', async () => {
    const trial = aTrial();
    for (let index = 0; index < 4; index += 1) trial.audit.record(aRefusal());
    trial.clock.advance(60_000);
    trial.audit.record(aRefusal());
    await trial.audit.flush();
    expect(events(trial).slice(-2)).toEqual(['audit.refusals', 'http']);
  });

  test('never hide the refusal of somebody known, nor an aborted request', async () => {
    const trial = aTrial({ unauthenticatedPerPeerPerMinute: 0 });
    trial.audit.record(aRefusal());
    trial.audit.record(anExchange({ permitRule: undefined, denial: aDenial('ERR_PERMISSION_DENIED') }));
    trial.audit.record(aRefusal({ denial: undefined }));
    await trial.audit.flush();
    expect(trial.lines().slice(1)).toMatchObject([{ code: 'MCP2002' }, { code: 'MCP2003' }]);
  });
});
