import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, jest, test } from '@jest/globals';
import { createSidecar } from '../../../sidecar/server.ts';
import { createCurrentSnapshot } from '../../../sidecar/snapshot/current.ts';
import { aToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { answerAfter, answerEvents, answerJson, answerNothing } from '../../kit/spy-scripts.ts';
import { systemClock } from '../../../runtime/clock.ts';

const EVENT = 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n';
const openStream = (token: string): string => `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nAccept: text/event-stream\r\n\r\n`;

describe('draining', () => {
  test('cuts a stream that never ends at once, and lets a call have its answer', async () => {
    const { spy, sidecar, text } = await guarded();
    const answered = Promise.withResolvers<void>();
    spy.answerWith(answerEvents([EVENT]));
    const stream = await openRaw(sidecar.port);
    stream.write(openStream(text));
    await stream.untilReceived('notifications/message');
    spy.answerWith(answerAfter(answered.promise, answerJson()));
    const call = await openRaw(sidecar.port);
    call.write(aCall(text, ECHO));
    await spy.request(1);
    const stopped = sidecar.stop(60_000);
    await stream.untilClosed();
    answered.resolve();
    expect((await call.response()).status).toBe(200);
    await stopped;
    expect(sidecar.records.map(({ event, close }) => [event, close])).toEqual(expect.arrayContaining([['stream.close', 'shutdown'], ['tools/call', 'completed']]));
  });

  test('cuts a call that outlives the grace, on both sides, with the cause on record', async () => {
    const { spy, sidecar, text } = await guarded({ spy: { script: answerNothing } });
    const call = await openRaw(sidecar.port);
    call.write(aCall(text, ECHO));
    await spy.request(0);
    await sidecar.stop(20);
    await call.untilClosed();
    await spy.untilOpen(0);
    expect(sidecar.records).toContainEqual(expect.objectContaining({ event: 'tools/call', outcome: 'allowed', reason: 'ERR_SHUTTING_DOWN', close: 'shutdown' }));
  });

  test('waits for a request that is still being received', async () => {
    const { sidecar, text } = await guarded();
    const bytes = aCall(text, ECHO);
    const upload = await openRaw(sidecar.port);
    upload.write(bytes.slice(0, -10).replace('\r\n', '\r\nExpect: 100-continue\r\n'));
    await upload.untilReceived('100 Continue');
    const stopped = sidecar.stop(60_000);
    upload.write(bytes.slice(-10));
    await upload.untilReceived('"result"');
    await stopped;
  });
});

describe('the sidecar', () => {
  test('cuts the stream of a credential that expires, without any change of policy', async () => {
    let nowMs = Date.now();
    const clock = { ...systemClock, nowMs: () => nowMs };
    const { spy, sidecar, text } = await guarded({ clock, tokens: [aToken({ expiresAtMs: nowMs + 60_000 })] });
    spy.answerWith(answerEvents([EVENT]));
    const stream = await openRaw(sidecar.port);
    stream.write(openStream(text));
    await stream.untilReceived('notifications/message');
    nowMs += 60_000;
    await stream.untilClosed();
    const record = await sidecar.audited(({ event }) => event === 'stream.close');
    expect(record).toMatchObject({ reason: 'ERR_CREDENTIAL_EXPIRED', close: 'expired' });
  });

  test('cuts every stream when its policy is withdrawn, with the cause on record', async () => {
    const { spy, sidecar, text } = await guarded();
    spy.answerWith(answerEvents([EVENT]));
    const stream = await openRaw(sidecar.port);
    stream.write(openStream(text));
    await stream.untilReceived('notifications/message');
    sidecar.withdraw();
    await stream.untilClosed();
    await spy.untilOpen(0);
    const record = await sidecar.audited(({ event }) => event === 'stream.close');
    expect(record).toMatchObject({ reason: 'ERR_SNAPSHOT_UNAVAILABLE', close: 'stale' });
    expect((await sendRaw(sidecar.port, aCall(text, ECHO))).status).toBe(503);
  });

  test('that cannot listen leaves no timer behind', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve));
    const timers = jest.spyOn(globalThis, 'setInterval');
    const ignored = (): void => undefined;
    const sidecar = createSidecar({
      current: createCurrentSnapshot(),
      clock: systemClock,
      recorder: { streamStarted: ignored, closed: ignored, failed: ignored, malformed: ignored, snapshotApplied: ignored },
      listener: { address: '127.0.0.1', port: (taken.address() as AddressInfo).port, maxConnections: 1 },
      pipeline: { maxBodyBytes: 1, allowedHosts: new Set(), allowedOrigins: new Set() },
    });
    await expect(sidecar.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(timers).not.toHaveBeenCalled();
    timers.mockRestore();
    await new Promise((resolve) => taken.close(resolve));
    await sidecar.drain(0);
  });
});
