/** Revokes tokens in the YAML of a running gateway and takes the time until each effect, from the start of the write. */
import { aCall, ECHO } from './calls.ts';
import { startGateway } from './gateway.ts';
import type { Gateway } from './gateway.ts';
import { openRaw, sendRaw } from './raw-http.ts';
import type { RawConnection } from './raw-http.ts';
import { answerEvents, answerJson } from './spy-scripts.ts';
import { startSpyUpstream } from './spy-upstream.ts';
import type { SpyUpstream } from './spy-upstream.ts';

export interface RevocationTimes {
  /** When the last call that was accepted had its answer. */
  readonly lastAcceptedMs: readonly number[];
  /** When the open stream of the token had ended. */
  readonly streamEndedMs: readonly number[];
}

interface Trial {
  readonly gateway: Gateway;
  readonly spy: SpyUpstream;
  readonly name: string;
}

/**
 * One token each. A second connection calls without a pause meanwhile. Fails unless every stream ends, every token is
 * refused afterwards, and nothing is left open upstream.
 */
export async function runRevocationTrials(trials: number): Promise<RevocationTimes> {
  const names = Array.from({ length: trials }, (_, trial) => `token-${String(trial)}`);
  const spy = await startSpyUpstream();
  const gateway = await startGateway({
    servers: [{ name: 'server', port: spy.port }],
    tokens: names.map((name) => ({ name, permissions: [{ serverRefs: [{ name: 'server' }], tools: ['*'] }] })),
  });
  try {
    const times: { accepted: number; ended: number }[] = [];
    for (const name of names) times.push(await runTrial({ gateway, spy, name }));
    await spy.untilOpen(0);
    return { lastAcceptedMs: times.map(({ accepted }) => accepted), streamEndedMs: times.map(({ ended }) => ended) };
  } finally {
    await gateway.stop();
    await spy.stop();
  }
}

async function runTrial(trial: Trial): Promise<{ accepted: number; ended: number }> {
  const { gateway, spy, name } = trial;
  const [stream, calling] = await Promise.all([openRaw(gateway.port), openRaw(gateway.port)]);
  try {
    spy.answerWith(answerEvents([': open\n\n']));
    stream.write(callOf(trial));
    await stream.untilReceived(': open');
    spy.answerWith(answerJson());
    const refused = callUntilRefused(calling, callOf(trial));
    const closed = stream.untilClosed().then(() => performance.now());
    const startedMs = performance.now();
    await gateway.write(gateway.tokenObject(name, { revoked: true }));
    const [acceptedMs, endedMs] = await Promise.all([refused, closed]);
    const { status } = await sendRaw(gateway.port, callOf(trial));
    if (status !== 401) throw new Error(`${name} is revoked, and a call was answered with ${String(status)}`);
    return { accepted: Math.max(0, acceptedMs - startedMs), ended: endedMs - startedMs };
  } finally {
    stream.destroy();
    calling.destroy();
  }
}

function callOf({ gateway, name }: Trial): string {
  return aCall(gateway.tokens[name] ?? '', ECHO).replace('POST /mcp ', `POST ${gateway.path('server')} `);
}

/** Calls on one connection without a pause, until one is refused or cut; when the last accepted one was answered. */
export async function callUntilRefused(connection: RawConnection, call: string): Promise<number> {
  let lastAcceptedMs = 0;
  for (;;) {
    connection.write(call);
    // A call that is under way when the revocation arrives is cut, which shows as a connection without an answer.
    const status = await connection.response().then((answer) => answer.status, () => 'cut');
    if (status === 401 || status === 'cut') return lastAcceptedMs;
    if (status !== 200) throw new Error(`a call was answered with ${String(status)}`);
    lastAcceptedMs = performance.now();
  }
}
