import { describe, expect, test } from '@jest/globals';
import { createLeaderElection, type LeaderElection } from '../../../../operator/kube/lease.ts';
import type { Scheduler } from '../../../../operator/kube/scheduler.ts';
import { createManualScheduler, type ManualScheduler } from '../../../kit/kube-clock.ts';
import { createLeaseStore, type LeaseAccess, type LeaseStore } from '../../../kit/kube-leases.ts';
import { keepLog, type KeptLog, keepMetrics, type KeptMetrics } from '../../../kit/kube-parts.ts';

interface Candidate {
  readonly election: LeaderElection;
  readonly access: LeaseAccess;
  readonly kept: KeptMetrics;
  readonly log: KeptLog;
  readonly stop: AbortController;
  readonly campaign: Promise<'lost' | 'stopped'>;
  /** Of `lead`: set once it was called. */
  led(): AbortSignal | undefined;
  /** How the campaign ended, once it has. */
  outcome(): string | undefined;
  /** Lets `lead` end. */
  finish(): void;
}

/** `lead` ends as soon as it is told to, unless it is `stubborn`. */
function aCandidate(store: LeaseStore, clock: Scheduler, options: { readonly stubborn?: boolean; readonly network?: LeaseAccess['network'] } = {}): Candidate {
  const access = store.access();
  access.network = options.network ?? 'works';
  const kept = keepMetrics();
  const log = keepLog();
  const stop = new AbortController();
  const over = Promise.withResolvers<void>();
  const election = createLeaderElection({ client: access.client, namespace: 'test', name: 'operator', candidate: 'pod', clock, log, metrics: kept.metrics });
  let led: AbortSignal | undefined;
  let outcome: string | undefined;
  const campaign = election.campaign({
    signal: stop.signal,
    lead: (signal) => {
      led = signal;
      if (options.stubborn !== true) {
        if (signal.aborted) over.resolve();
        signal.addEventListener('abort', () => over.resolve());
      }
      return over.promise;
    },
  });
  void (async () => {
    outcome = await campaign;
  })();
  return { election, access, kept, log, stop, campaign, led: () => led, outcome: () => outcome, finish: () => over.resolve() };
}

/** The clock of one machine: started at another moment than the others', and its wall clock far off. */
function skewed(clock: ManualScheduler, ms: number): Scheduler {
  return { nowMs: () => clock.nowMs() + ms, monotonicMs: () => clock.monotonicMs() + Math.abs(ms), after: clock.after };
}

describe('a candidate', () => {
  test('takes a free lease, renews it every 2 s and says so', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const one = aCandidate(store, clock);
    expect(one.election.isLeader()).toBe(false);
    await clock.advance(0);
    expect(one.election.isLeader()).toBe(true);
    expect(one.led()?.aborted).toBe(false);
    expect(await one.kept.value('leader_election_master_status', { name: 'operator' })).toBe(1);
    expect(store.spec()).toEqual({
      holderIdentity: one.election.identity,
      leaseDurationSeconds: 15,
      acquireTime: '2026-11-23T12:00:00.000000Z',
      renewTime: '2026-11-23T12:00:00.000000Z',
      leaseTransitions: 0,
    });
    await clock.advance(60_000);
    expect(one.election.isLeader()).toBe(true);
    expect(one.access.writes).toBe(31);
    expect(store.spec()).toMatchObject({ acquireTime: '2026-11-23T12:00:00.000000Z', renewTime: '2026-11-23T12:01:00.000000Z' });
  });

  test('has an identity of its own, even after a restart of the same pod', () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const [one, other] = [aCandidate(store, clock), aCandidate(store, clock)];
    expect(one.election.identity).toMatch(/^pod_[0-9a-f-]{36}$/);
    expect(one.election.identity).not.toBe(other.election.identity);
  });

  test('gives the lease up when it stops, and the next leads within a retry', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const one = aCandidate(store, clock);
    await clock.advance(1_000);
    const other = aCandidate(store, clock);
    await clock.advance(5_000);
    expect(other.election.isLeader()).toBe(false);
    one.stop.abort();
    expect(await one.campaign).toBe('stopped');
    expect(store.spec()).toMatchObject({ holderIdentity: '' });
    expect(await one.kept.value('leader_election_master_status')).toBe(0);
    await clock.advance(2_000);
    expect(other.election.isLeader()).toBe(true);
    expect(store.spec()).toMatchObject({ leaseTransitions: 1 });
  });

  test('that stops goes on renewing until its work has ended, and only then gives the lease up', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const one = aCandidate(store, clock, { stubborn: true });
    await clock.advance(0);
    const other = aCandidate(store, clock);
    one.stop.abort();
    await clock.advance(60_000);
    expect(one.led()?.aborted).toBe(true);
    expect([one.election.isLeader(), other.election.isLeader(), one.outcome()]).toEqual([true, false, undefined]);
    one.finish();
    await clock.advance(2_000);
    expect([one.election.isLeader(), other.election.isLeader(), one.outcome()]).toEqual([false, true, 'stopped']);
  });

  test('that stops before it leads does so at once', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    aCandidate(store, clock);
    await clock.advance(0);
    const other = aCandidate(store, clock);
    await clock.advance(100);
    other.stop.abort();
    expect(await other.campaign).toBe('stopped');
    expect(other.led()).toBeUndefined();
  });

  test('passes on what its work rejects with, after giving the lease up', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const { metrics } = keepMetrics();
    const election = createLeaderElection({ client: store.access().client, namespace: 'test', name: 'operator', candidate: 'pod', clock, log: keepLog(), metrics });
    await expect(election.campaign({ signal: new AbortController().signal, lead: () => Promise.reject(new Error('mine')) })).rejects.toThrow('mine');
    expect(store.spec()).toMatchObject({ holderIdentity: '' });
    expect(election.isLeader()).toBe(false);
  });

  test('cannot be given a lease that does not outlast its renewal', () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const { metrics } = keepMetrics();
    const options = { client: store.access().client, namespace: 'test', name: 'operator', candidate: 'pod', clock, log: keepLog(), metrics };
    expect(() => createLeaderElection({ ...options, timing: { renewMs: 15_000 } })).toThrow(TypeError);
  });
});

describe('leadership is lost', () => {
  test.each<LeaseAccess['network']>(['refuses', 'hangs', 'hangs-after-write'])('10 s after the last renewal when the API server %s', async (network) => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const one = aCandidate(store, clock);
    await clock.advance(1_999);
    one.access.network = network;
    await clock.advance(8_000);
    expect([one.election.isLeader(), one.led()?.aborted]).toEqual([true, false]);
    await clock.advance(1);
    expect([one.election.isLeader(), one.led()?.aborted, one.outcome()]).toEqual([false, true, 'lost']);
    expect(await one.kept.value('leader_election_master_status')).toBe(0);
    expect(one.log.entries).toContainEqual(expect.objectContaining({ level: 'error', message: 'the lease is lost' }));
  });

  test('even where no timer fires: a process that was frozen does not believe that it leads', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    let jumpMs = 0;
    const one = aCandidate(store, { ...clock, monotonicMs: () => clock.monotonicMs() + jumpMs });
    await clock.advance(0);
    jumpMs = 10_000;
    expect(one.election.isLeader()).toBe(false);
  });

  test('at once when another has taken the lease', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const one = aCandidate(store, clock);
    await clock.advance(1_000);
    store.edit({ holderIdentity: 'somebody' });
    await clock.advance(4_000);
    expect([one.election.isLeader(), one.outcome()]).toEqual([false, 'lost']);
    expect(store.spec()).toMatchObject({ holderIdentity: 'somebody' });
  });

  test('but not when the Lease was deleted or edited by a stranger: it is written again', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const one = aCandidate(store, clock);
    await clock.advance(1_000);
    store.edit({});
    await clock.advance(6_000);
    store.remove();
    await clock.advance(30_000);
    expect(store.spec()).toMatchObject({ holderIdentity: one.election.identity });
    expect(one.election.isLeader()).toBe(true);
  });

  test('and a renewal that arrived without an answer is not lost when the API server is back', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const one = aCandidate(store, clock);
    await clock.advance(1_000);
    one.access.network = 'hangs-after-write';
    await clock.advance(3_000);
    one.access.network = 'works';
    await clock.advance(60_000);
    expect(one.election.isLeader()).toBe(true);
  });
});

describe('a rival', () => {
  test('waits for 15 s of its own monotonic clock without a change, whatever times the Lease names', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    const one = aCandidate(store, skewed(clock, -86_400_000));
    await clock.advance(0);
    one.access.network = 'refuses';
    const other = aCandidate(store, skewed(clock, 86_400_000));
    await clock.advance(14_900);
    expect([one.election.isLeader(), other.election.isLeader()]).toEqual([false, false]);
    await clock.advance(2_000);
    expect(other.election.isLeader()).toBe(true);
  });

  test('waits for as long as the holder promised, if that is longer', async () => {
    const [store, clock] = [createLeaseStore(), createManualScheduler()];
    store.edit({ holderIdentity: 'somebody', leaseDurationSeconds: 60 });
    const one = aCandidate(store, clock);
    await clock.advance(59_000);
    expect(one.election.isLeader()).toBe(false);
    await clock.advance(3_000);
    expect(one.election.isLeader()).toBe(true);
  });
});

test('of three candidates with failing networks never two lead at once, and one leads most of the time', async () => {
  const clock = createManualScheduler();
  let state = 42;
  const random = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  const store = createLeaseStore();
  const candidates: Candidate[] = [0, 1, 2].map((at) => aCandidate(store, skewed(clock, at * 3_600_000)));
  let [led, steps] = [0, 0];
  const networks: readonly LeaseAccess['network'][] = ['works', 'works', 'works', 'refuses', 'hangs', 'hangs-after-write'];
  const leaders = new Set<string>();
  for (; steps < 3_000; steps += 1) {
    await clock.advance(250);
    const leading = candidates.filter(({ election }) => election.isLeader());
    expect(leading.length).toBeLessThanOrEqual(1);
    expect(candidates.filter((one) => one.led()?.aborted === false && one.outcome() === undefined).length).toBeLessThanOrEqual(1);
    led += leading.length;
    for (const { election } of leading) leaders.add(election.identity);
    const at = Math.floor(random() * 3);
    const one = candidates[at];
    if (one !== undefined && random() < 0.05) one.access.network = networks[Math.floor(random() * networks.length)] ?? 'works';
    if (one?.outcome() !== undefined) candidates[at] = aCandidate(store, skewed(clock, at * 3_600_000));
    else if (random() < 0.002) one?.stop.abort();
  }
  expect(leaders.size).toBeGreaterThan(5);
  expect(led / steps).toBeGreaterThan(0.5);
});
