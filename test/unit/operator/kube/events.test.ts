import { beforeEach, expect, test } from '@jest/globals';
import type { KubeClient } from '../../../../operator/kube/client.ts';
import { createEventRecorder, type EventRecorder } from '../../../../operator/kube/events.ts';
import type { Occurrence } from '../../../../operator/kube/event-series.ts';
import { KubeError } from '../../../../operator/kube/kube-error.ts';
import { createManualScheduler, type ManualScheduler } from '../../../kit/kube-clock.ts';
import { keepLog, type KeptLog, keepMetrics, type KeptMetrics } from '../../../kit/kube-parts.ts';

type Written = Readonly<Record<string, unknown>>;

let clock: ManualScheduler;
let kept: KeptMetrics;
let log: KeptLog;
let recorder: EventRecorder;
let created: Written[];
let patched: Written[];
let network: 'works' | 'refuses' | 'hangs';
let stop: AbortController;

beforeEach(() => {
  clock = createManualScheduler();
  kept = keepMetrics();
  log = keepLog();
  created = [];
  patched = [];
  network = 'works';
  stop = new AbortController();
  const write = async (into: Written[], written: Written, signal: AbortSignal | undefined): Promise<never> => {
    if (network === 'refuses') throw new KubeError('Forbidden', 'no', { status: 403 });
    if (network === 'hangs') await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new KubeError('Aborted', 'given up'))));
    into.push(written);
    return undefined as never;
  };
  const client = {
    create: (_resource: unknown, object: Written, options?: { signal?: AbortSignal }) => write(created, object, options?.signal),
    patch: (_resource: unknown, _ref: unknown, patch: Written, options?: { signal?: AbortSignal }) => write(patched, patch, options?.signal),
  } as unknown as KubeClient;
  recorder = createEventRecorder({ client, controller: 'mcpgateway.dev/operator', instance: 'operator-0', clock, log, metrics: kept.metrics });
});

const anOccurrence = (more: Partial<Occurrence> = {}): Occurrence => ({
  regarding: { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', namespace: 'tools', name: 'github', uid: 'u' },
  type: 'Warning',
  reason: 'SecretMissing',
  action: 'Resolve',
  note: 'Secret github-pat does not exist.',
  ...more,
});

const result = (name: string) => kept.value('mcpgateway_events_total', { result: name });

test('an occurrence becomes an Event beside its object', async () => {
  void recorder.run(stop.signal);
  recorder.record(anOccurrence());
  await clock.advance(1_000);
  expect(created).toEqual([
    {
      metadata: { namespace: 'tools', name: expect.stringMatching(/^github\.[0-9a-f]{16}$/) },
      eventTime: '2026-11-23T12:00:00.000000Z',
      reportingController: 'mcpgateway.dev/operator',
      reportingInstance: 'operator-0',
      type: 'Warning',
      reason: 'SecretMissing',
      action: 'Resolve',
      note: 'Secret github-pat does not exist.',
      regarding: anOccurrence().regarding,
    },
  ]);
  expect(await result('created')).toBe(1);
});

test('that of an object without a namespace is in the namespace default', async () => {
  void recorder.run(stop.signal);
  recorder.record(anOccurrence({ regarding: { apiVersion: 'v1', kind: 'Namespace', name: 'tools' } }));
  await clock.advance(1_000);
  expect(created[0]?.['metadata']).toMatchObject({ namespace: 'default' });
});

test('repeats are counted in one series, and written at most once a minute', async () => {
  void recorder.run(stop.signal);
  recorder.record(anOccurrence());
  await clock.advance(2_000);
  for (let second = 0; second < 120; second += 1) {
    recorder.record(anOccurrence({ note: `attempt ${String(second)}` }));
    await clock.advance(1_000);
  }
  expect(created).toHaveLength(1);
  expect(patched.length).toBeGreaterThanOrEqual(1);
  expect(patched.length).toBeLessThanOrEqual(2);
  expect(patched[0]).toEqual({ series: { count: expect.any(Number), lastObservedTime: expect.stringMatching(/^2026-11-23T12:01:.*\d{6}Z$/) } });
  await clock.advance(60_000);
  expect(patched.at(-1)).toMatchObject({ series: { count: 121 } });
});

test('another object, reason or action is a series of its own, and so is what happens after six quiet minutes', async () => {
  void recorder.run(stop.signal);
  recorder.record(anOccurrence());
  recorder.record(anOccurrence({ reason: 'Other' }));
  recorder.record(anOccurrence({ action: 'Other' }));
  recorder.record(anOccurrence({ regarding: { ...anOccurrence().regarding, uid: 'v' } }));
  await clock.advance(1_000);
  expect(created).toHaveLength(4);
  await clock.advance(6 * 60_000);
  recorder.record(anOccurrence());
  await clock.advance(1_000);
  expect(created).toHaveLength(5);
});

test('what cannot be written is counted, and begun anew when it happens again', async () => {
  void recorder.run(stop.signal);
  network = 'refuses';
  expect(() => recorder.record(anOccurrence())).not.toThrow();
  await clock.advance(2_000);
  expect(await result('failed')).toBe(1);
  network = 'works';
  recorder.record(anOccurrence());
  await clock.advance(2_000);
  expect(created).toHaveLength(1);
});

test('a flood is bounded: what does not fit is dropped and counted', async () => {
  network = 'hangs';
  void recorder.run(stop.signal);
  for (let at = 0; at < 700; at += 1) recorder.record(anOccurrence({ reason: `Reason${String(at)}` }));
  expect(await result('dropped')).toBe(200);
});

test('a note is cut at 1 kB, never inside a character', async () => {
  void recorder.run(stop.signal);
  recorder.record(anOccurrence({ note: 'x'.repeat(1_019) + 'ä'.repeat(500) }));
  await clock.advance(1_000);
  const note = String(created[0]?.['note']);
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024);
  expect(note).toMatch(/^x+$/);
});

test('stopping writes what is left, for 2 s at most', async () => {
  const running = recorder.run(stop.signal);
  await clock.advance(500);
  recorder.record(anOccurrence());
  stop.abort();
  await running;
  expect(created).toHaveLength(1);

  network = 'hangs';
  const again = recorder.run(AbortSignal.abort());
  recorder.record(anOccurrence({ reason: 'Late' }));
  await clock.advance(2_000);
  await again;
  expect(created).toHaveLength(1);
});
