import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ConnectOutcome } from '../../../runtime/try-connect.ts';
import { createExposureProbe } from '../../../sidecar/exposure-probe.ts';

let port: number | undefined;
/** What answers where, as `<address> <port>`; the rest refuses. */
let answers: Record<string, ConnectOutcome>;
let reports: string[];

beforeEach(() => {
  port = 3000;
  answers = { '127.0.0.1 3000': 'Connected' };
  reports = [];
});

/** Runs until there were so many pauses; `during` is called in each with its length. */
async function run(pauses: number, during: (delayMs: number, probe: ReturnType<typeof createExposureProbe>, signal: AbortSignal) => void = () => undefined, podIps: readonly string[] = ['10.0.0.1', 'fd00::1']): Promise<void> {
  const over = new AbortController();
  let left = pauses;
  const probe = createExposureProbe({
    podIps,
    port: () => port,
    tryConnect: async (target) => answers[`${target.address} ${String(target.port)}`] ?? 'Refused',
    report: ({ port: tried, outcome }) => void reports.push(`${String(tried)} ${outcome}`),
    pause: async (delayMs, signal) => {
      during(delayMs, probe, signal);
      left -= 1;
      if (left === 0) over.abort();
    },
  });
  await probe.run(over.signal);
}

describe('a server', () => {
  test.each<[string, Record<string, ConnectOutcome>, string]>([
    ['that is refused on every address of the pod listens on loopback only', {}, 'LoopbackOnly'],
    ['that answers on one of them is exposed', { 'fd00::1 3000': 'Connected' }, 'Exposed'],
    ['that answers there and not on loopback is exposed', { '127.0.0.1 3000': 'Refused', '10.0.0.1 3000': 'Connected' }, 'Exposed'],
    ['that does not answer on loopback has not started, perhaps', { '127.0.0.1 3000': 'Refused' }, 'Unclear'],
    ['that leaves an attempt unanswered is not known to refuse it', { '10.0.0.1 3000': 'Unanswered' }, 'Unclear'],
  ])('%s', async (_what, over, expected) => {
    answers = { ...answers, ...over };
    await run(1);
    expect(reports).toEqual([`3000 ${expected}`]);
  });

  test('of a pod without addresses is not known to be safe', async () => {
    await run(1, undefined, []);
    expect(reports).toEqual(['3000 Unclear']);
  });

  test('is tried again, sooner while it is not clear', async () => {
    answers = {};
    const delays: number[] = [];
    await run(3, (delayMs) => {
      delays.push(delayMs);
      answers = { '127.0.0.1 3000': 'Connected' };
    });
    expect(reports).toEqual(['3000 Unclear', '3000 LoopbackOnly', '3000 LoopbackOnly']);
    expect(delays).toEqual([2_000, 60_000, 60_000]);
  });
});

describe('another port', () => {
  test('is tried at once when a bundle names it, and the same one is not', async () => {
    const woken: boolean[] = [];
    await run(2, (_delayMs, probe, signal) => {
      probe.bundleChanged();
      woken.push(signal.aborted);
      port = 3001;
      probe.bundleChanged();
      woken.push(signal.aborted);
    });
    expect(woken).toEqual([false, true, false, false]);
    expect(reports).toEqual(['3000 LoopbackOnly', '3001 Unclear']);
  });

  test('that came while the former was tried is not waited for', async () => {
    answers = new Proxy(answers, { get: (all, key: string) => { port = 3001; return all[key]; } });
    await run(1, (_delayMs, _probe, signal) => expect(signal.aborted).toBe(true));
  });

  test('is waited for while there is none', async () => {
    port = undefined;
    await run(2, (_delayMs, probe, signal) => {
      if (port !== undefined) return;
      expect(signal.aborted).toBe(false);
      port = 3000;
      probe.bundleChanged();
      expect(signal.aborted).toBe(true);
    });
    expect(reports).toEqual(['3000 LoopbackOnly']);
  });
});
