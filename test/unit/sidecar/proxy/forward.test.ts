import { setImmediate } from 'node:timers/promises';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Denial } from '../../../../core/denial.ts';
import { authorize, Permit } from '../../../../sidecar/authorize/authorize.ts';
import { createForwarder } from '../../../../sidecar/proxy/forward.ts';
import type { Forwarder, UpstreamCall } from '../../../../sidecar/proxy/forward.ts';
import type { CallControl, CallReceiver } from '../../../../sidecar/proxy/pool.ts';
import { createOwner } from '../../../kit/owner.ts';
import { freePort } from '../../../kit/ports.ts';
import { answerBytes, answerJson, answerNothing, answerThenCut } from '../../../kit/spy-scripts.ts';
import type { SpyScript } from '../../../kit/spy-scripts.ts';
import { startSpyUpstream } from '../../../kit/spy-upstream.ts';
import type { SpyUpstream } from '../../../kit/spy-upstream.ts';
import { aServer, ECHO, liveToken, presentedOf } from '../kit.ts';

const TOKEN = liveToken();
const SERVER = aServer({ tokens: [TOKEN] });
const PERMIT = authorize(presentedOf(SERVER, TOKEN).principal, ECHO, SERVER.policy);
const owner = createOwner();
afterAll(owner.stopAll);

interface Answer {
  readonly status: number | undefined;
  readonly headers: readonly string[];
  readonly body: string;
  readonly failure: Denial | undefined;
}

function sent(forwarder: Forwarder, port: number, hooks: Partial<CallReceiver> = {}, call: Partial<UpstreamCall> = {}): Promise<Answer> {
  return new Promise((resolve) => {
    let status: number | undefined;
    let headers: readonly string[] = [];
    const parts: Buffer[] = [];
    const end = (failure?: Denial): void => resolve({ status, headers, body: Buffer.concat(parts).toString(), failure });
    const body = Buffer.from('{"a": 1 }');
    const whole: UpstreamCall = { port, path: '/mcp', method: 'POST', headers: ['Host', 'localhost:1', 'Content-Length', '9', 'X-A', '1'], body, ...call };
    forwarder.forward(PERMIT, whole, {
      dispatched: hooks.dispatched ?? (() => undefined),
      started(code, raw) {
        hooks.started?.(code, raw);
        [status, headers] = [code, raw];
      },
      data: hooks.data ?? ((chunk) => void parts.push(chunk)),
      ended: () => end(),
      failed: end,
    });
  });
}

async function forwarding(script: SpyScript = answerJson()): Promise<{ forwarder: Forwarder; spy: SpyUpstream }> {
  const spy = owner.own(await startSpyUpstream({ script }));
  const forwarder = createForwarder();
  owner.own({ stop: () => forwarder.close() });
  return { forwarder, spy };
}

describe('forwarding', () => {
  test('needs a permit made by authorize; a look-alike reaches nobody', async () => {
    const { forwarder, spy } = await forwarding();
    const call: UpstreamCall = { port: spy.port, path: '/', method: 'GET', headers: [], body: null };
    for (const forged of [{ rule: 'r' }, Object.create(Permit.prototype), undefined]) {
      expect(() => forwarder.forward(forged as Permit, call, {} as CallReceiver)).toThrow(TypeError);
    }
    expect(spy.untouched).toBe(true);
  });

  test('sends the bytes and headers it is given and hands back the answer', async () => {
    const { forwarder, spy } = await forwarding(answerJson({ ok: true }, { status: 404, headers: { 'X-B': '2' } }));
    const answer = await sent(forwarder, spy.port);
    expect(answer).toMatchObject({ status: 404, body: '{"ok":true}', failure: undefined });
    expect(answer.headers).toEqual(expect.arrayContaining(['content-type', 'application/json', 'x-b', '2']));
    const request = await spy.request(0);
    expect([request.body.toString(), request.values('x-a'), request.values('host')]).toEqual(['{"a": 1 }', ['1'], ['localhost:1']]);
  });

  test('B18 hands back every line of a header that comes twice, and a header named __proto__ or constructor as any other', async () => {
    const head = 'HTTP/1.1 200 OK\r\nVary: a\r\nvary: b\r\n__proto__: p\r\n__PROTO__: q\r\nconstructor: c\r\nContent-Length: 2\r\nX-Latin: \u00e9\r\n\r\nok';
    const { forwarder, spy } = await forwarding(answerBytes(Buffer.from(head, 'latin1')));
    const { headers } = await sent(forwarder, spy.port);
    const pairs = headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1]]] : []));
    expect(pairs).toEqual([
      ['vary', 'a'], ['vary', 'b'], ['__proto__', 'p'], ['__proto__', 'q'], ['constructor', 'c'], ['content-length', '2'], ['x-latin', '\u00e9'],
    ]);
  });

  test('uses a connection again, one call at a time', async () => {
    const { forwarder, spy } = await forwarding();
    await sent(forwarder, spy.port);
    // The connection is free again once the end of the answer has been told.
    await setImmediate();
    await Promise.all([sent(forwarder, spy.port), sent(forwarder, spy.port)]);
    expect(spy.connections.total).toBe(2);
  });

  test('does not take an interim answer for the answer', async () => {
    const { forwarder, spy } = await forwarding(answerBytes('HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    const statuses: number[] = [];
    expect(await sent(forwarder, spy.port, { started: (status) => void statuses.push(status) })).toMatchObject({ status: 200, body: 'ok' });
    expect(statuses).toEqual([200]);
  });

  test.each<[string, SpyScript, string]>([
    ['bytes that are not HTTP', answerBytes('nonsense\r\n\r\n'), 'ERR_UPSTREAM_RESPONSE_INVALID'],
    ['two lengths', answerBytes('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk'), 'ERR_UPSTREAM_RESPONSE_INVALID'],
    ['a head without end', answerBytes(`HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`), 'ERR_UPSTREAM_RESPONSE_INVALID'],
    ['a reset before the head', answerThenCut(''), 'ERR_UPSTREAM_UNREACHABLE'],
    ['a reset within the body', answerThenCut('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'), 'ERR_UPSTREAM_UNREACHABLE'],
  ])('reports %s by its kind, and asks only once', async (_name, script, code) => {
    const { forwarder, spy } = await forwarding(script);
    const { failure } = await sent(forwarder, spy.port);
    expect(failure?.code).toBe(code);
    expect(failure?.message).toMatch(/^The server behind the gateway /);
    expect(spy.requests).toHaveLength(1);
  });

  test('reports a port that nobody listens on', async () => {
    const { forwarder } = await forwarding();
    expect((await sent(forwarder, await freePort())).failure?.code).toBe('ERR_UPSTREAM_UNREACHABLE');
  });

  test.each(['started', 'data'] as const)('ends the call with the denial that %s throws', async (step) => {
    const { forwarder, spy } = await forwarding();
    const denial = new Denial('ERR_UPSTREAM_CREDENTIAL_REFUSED', 'no');
    const { failure } = await sent(forwarder, spy.port, { [step]: () => { throw denial; } });
    expect(failure).toBe(denial);
    await spy.untilOpen(0);
  });

  test('can be aborted while the upstream is silent, which closes the connection to it', async () => {
    const { forwarder, spy } = await forwarding(answerNothing);
    let control: CallControl | undefined;
    const answer = sent(forwarder, spy.port, { dispatched: (given) => void (control = given) });
    await spy.request(0);
    control?.abort(new Error('cut'));
    expect((await answer).failure?.code).toBe('ERR_UPSTREAM_UNREACHABLE');
    await spy.untilOpen(0);
  });

  test('closing ends what is open', async () => {
    const { forwarder, spy } = await forwarding(answerNothing);
    const answer = sent(forwarder, spy.port);
    await spy.request(0);
    await forwarder.close();
    expect((await answer).failure).toBeDefined();
    await spy.untilOpen(0);
  });
});
