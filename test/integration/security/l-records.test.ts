/** L: text of strangers in records and metrics, and a log whose reader is slow, full or dishonest. */
import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../../runtime/metrics.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { createAuditLog } from '../../../sidecar/audit/log.ts';
import { verifyChain } from '../../../sidecar/audit/verify.ts';
import { createSidecarMetrics } from '../../../sidecar/metrics.ts';
import { aRawRequest, bearer, JSON_TYPE } from '../../kit/attack.ts';
import { aToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { sendRaw } from '../../kit/raw-http.ts';

const HOSTILE = '\r\n{"outcome":"allowed"}\n\u001b[31m\u2028\u2029\u202e\u0000\u0085\ud83d\ude00"\\';

describe('text of strangers', () => {
  test('L1 in a name, a method or an id is one line of printable ASCII and reads back as it was', async () => {
    const { sidecar, text } = await guarded({ tokens: [aToken({ tools: ['x'], resources: [] })] });
    for (const body of [
      { ...ECHO, params: { name: `tool${HOSTILE}` } },
      { jsonrpc: '2.0', id: `id${HOSTILE}`, method: `method${HOSTILE}` },
      { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: `file:///${HOSTILE}` } },
    ]) expect((await sendRaw(sidecar.port, aCall(text, body))).status).toBe(200);
    await sidecar.audited(({ mcp }) => JSON.stringify(mcp ?? '').includes('file:///'));
    expect(sidecar.auditText()).toMatch(/^[\x20-\x7e\n]*$/);
    for (const line of sidecar.auditText().split('\n')) expect(JSON.parse(line)).toHaveProperty('seq');
    expect(sidecar.records.map(({ mcp }) => (mcp as { name?: string } | undefined)?.name)).toContain(`tool${HOSTILE}`);
    expect(sidecar.records.some(({ outcome }) => outcome === 'allowed')).toBe(false);
  });

  test('L1 in a user agent, a subject or a path does not begin another line', async () => {
    const token = aToken({ identity: { user: `alice${HOSTILE}`, groups: [`g${HOSTILE}`] } });
    const { sidecar } = await guarded({ tokens: [token] });
    const headers = [bearer(token.text), JSON_TYPE];
    await sendRaw(sidecar.port, aRawRequest({ headers: [...headers, 'User-Agent: \u009b31m\u00ff"\\\t'], body: JSON.stringify(ECHO) }));
    await sendRaw(sidecar.port, aRawRequest({ headers, path: '/mcp%0d%0a%1b[31m', body: JSON.stringify(ECHO) }));
    await sidecar.audited(({ reason }) => reason === 'ERR_PATH_UNKNOWN');
    expect(sidecar.auditText() + sidecar.logText()).toMatch(/^[\x20-\x7e\n]*$/);
  });

  test('L2 a name of a megabyte is refused, a long one is cut with a mark, and neither makes a label', async () => {
    const { sidecar, spy, text } = await guarded({ tokens: [aToken({ tools: ['x'] })] });
    expect((await sendRaw(sidecar.port, aCall(text, { ...ECHO, params: { name: 'n'.repeat(1_000_000) } }))).status).toBe(400);
    await sendRaw(sidecar.port, aCall(text, { ...ECHO, params: { name: 'n'.repeat(1000) } }));
    const record = await sidecar.audited(({ mcp }) => JSON.stringify(mcp ?? '').includes('nnnn'));
    expect(JSON.stringify(record)).toMatch(/\.\.\.\[\+\d+\]/);
    for (const line of sidecar.auditText().split('\n')) expect(line.length).toBeLessThan(8192);
    expect(spy.untouched).toBe(true);
  });

  test('L2 a thousand distinct methods and names are no more series of metrics than one', async () => {
    const { sidecar, text } = await guarded({ tokens: [aToken({ tools: ['x'] })] });
    const ask = async (number: number): Promise<void> => {
      await sendRaw(sidecar.port, aCall(text, { jsonrpc: '2.0', id: 1, method: `made/up-${String(number)}` }));
      await sendRaw(sidecar.port, aCall(text, { ...ECHO, params: { name: `tool-${String(number)}` } }));
    };
    const series = async (): Promise<number> => (await sidecar.metricsText()).split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    await ask(0);
    const before = await series();
    for (let number = 1; number <= 500; number += 1) await ask(number);
    expect(await series()).toBe(before);
    expect(await sidecar.metricsText()).not.toContain('up-');
  });
});

describe('the reader of the log', () => {
  const limits = { flushMs: 1, maxQueueBytes: 32_768, unauthenticatedPerPeerPerMinute: 10 };
  const event = (index: number) => ({ kind: 'snapshot.applied', revision: String(index), servers: 1, problems: 0 }) as const;

  test('L3 that is blocked costs a bounded queue, and what is missing is counted in metric and log', async () => {
    const registry = createMetrics();
    const metrics = createSidecarMetrics(registry, systemClock);
    const gate = Promise.withResolvers<void>();
    let written = '';
    const write = async (chunk: string, done: () => void): Promise<void> => {
      await gate.promise;
      written += chunk;
      done();
    };
    const log = createAuditLog({ write: (chunk, done) => void write(chunk, done), clock: systemClock, gateway: { instance: 'test', version: '0' }, observer: metrics.audit, limits });
    for (let index = 0; index < 1000; index += 1) log.event(event(index));
    gate.resolve();
    await log.flush();
    await log.close();
    const lines = written.trim().split('\n');
    const dropped = lines.reduce((sum, line) => sum + ((JSON.parse(line) as { dropped?: number }).dropped ?? 0), 0);
    expect(dropped).toBeGreaterThan(500);
    expect(lines.filter((line) => line.includes('snapshot.applied')).length + dropped).toBe(1000);
    expect((await registry.render()).text).toContain(`mcpgateway_audit_dropped_total ${String(dropped)}`);
    expect(verifyChain(lines)).toMatchObject({ state: 'intact', dropped });
  });

  test('L4 that changes, removes or swaps one record is found at that record', async () => {
    let written = '';
    const write = (chunk: string, done: () => void): void => { written += chunk; done(); };
    const observer = { recorded: () => undefined, dropped: () => undefined, summarised: () => undefined };
    const log = createAuditLog({ write, clock: systemClock, gateway: { instance: 'test', version: '0' }, observer, limits });
    for (let index = 0; index < 8; index += 1) log.event(event(index));
    await log.close();
    const lines = written.trim().split('\n');
    expect(verifyChain(lines)).toMatchObject({ state: 'intact' });
    const edited = lines.map((line, index) => (index === 4 ? line.replace('"servers":1', '"servers":2') : line));
    expect(verifyChain(edited)).toEqual({ state: 'tampered', seq: 5 });
    expect(verifyChain(lines.toSpliced(4, 1))).toEqual({ state: 'gap', after: 4, before: 6 });
    expect(verifyChain(lines.with(3, lines[4] ?? '').with(4, lines[3] ?? '')).state).not.toBe('intact');
  });
});
