/** L and J: readers of the records that go away or stop, and bodies cut into pieces, against the real process. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from '@jest/globals';
import { formatCredential, hashCredential } from '../../../core/credential.ts';
import { aServer, GATEWAY_CONFIG } from '../../kit/directory-source.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';
import { JSON_TYPE } from '../../kit/attack.ts';

const BIN = join(new URL('../../..', import.meta.url).pathname, 'bin/mcpgateway');
const aDirectory = temporaryDirectories();
const PATH = '/tools/github/mcp';

interface Served {
  readonly child: ChildProcess;
  readonly port: number;
  readonly admin: string;
  /** A call that is recorded; its upstream is not there. */
  readonly call: string;
  /** Head of a POST whose body comes in chunks. */
  readonly chunkedHead: string;
}

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Nobody reads its standard output. */
async function serve(): Promise<Served> {
  const { text, generation } = formatCredential({ generation: randomBytes(8), secret: randomBytes(32) });
  const directory = aDirectory();
  const token = {
    apiVersion: 'mcpgateway.dev/v1alpha1',
    kind: 'GatewayToken',
    metadata: { name: 'ci', namespace: 'tools' },
    spec: {
      type: 'Bearer',
      source: { type: 'Hash', id: generation, sha256: hashCredential(text) },
      identity: { user: 'alice' },
      permissions: [{ serverRefs: [{ name: 'github' }], tools: ['*'] }],
      lifetime: '1h',
      expiresAt: '2099-01-01T00:00:00Z',
    },
  };
  for (const [name, content] of [['gateway-config.json', GATEWAY_CONFIG], ['server.yaml', aServer('github', { upstream: { port: 9, path: '/mcp' } })], ['token.yaml', JSON.stringify(token)]] as const) {
    writeFileSync(join(directory, name), content);
  }
  const child = spawn(BIN, ['serve', '--config', directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let listening: { port: number; admin: string } | undefined;
  for await (const line of createInterface({ input: child.stderr })) {
    if (!line.includes('"listening"')) continue;
    listening = JSON.parse(line) as { port: number; admin: string };
    break;
  }
  if (listening === undefined) throw new Error('the gateway does not listen');
  const head = [`POST ${PATH} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${text}`, JSON_TYPE].join('\r\n');
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x'.repeat(500) } });
  return { child, ...listening, call: `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`, chunkedHead: `${head}\r\nTransfer-Encoding: chunked\r\n\r\n` };
}

describe('whoever reads the records or the log', () => {
  test('L3 goes away: calls are answered all the same, and the missing records are counted', async () => {
    const { child, port, admin, call } = await serve();
    child.stdout?.destroy();
    child.stderr?.destroy();
    for (let i = 0; i < 3; i += 1) expect((await sendRaw(port, call)).status).toBe(502);
    let dropped = 0;
    while (dropped < 2) {
      const metrics = await (await fetch(`${admin}/metrics`)).text();
      dropped = Number(/^mcpgateway_audit_dropped_total (\d+)$/m.exec(metrics)?.[1]);
    }
    expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  });

  test('L3 stops reading: calls are answered all the same, and the end of the process does not wait for the reader', async () => {
    const { child, port, call } = await serve();
    // More than a pipe holds.
    for (let i = 0; i < 200; i += 1) expect((await sendRaw(port, call)).status).toBe(502);
    const exited = once(child, 'exit');
    const since = performance.now();
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(performance.now() - since).toBeLessThan(8000);
  });
});

test('J5 a body in chunks of one byte takes little more memory than its bytes', async () => {
  const { child, port, chunkedHead } = await serve();
  const peakKiB = (): number => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
  const before = peakKiB();
  const connection = await openRaw(port, { deadlineMs: 18_000 });
  connection.write(chunkedHead);
  connection.write('1\r\n \r\n'.repeat(1_500_000));
  connection.write('1\r\n{\r\n0\r\n\r\n');
  expect((await connection.response()).status).toBe(400);
  expect(peakKiB() - before).toBeLessThan(100 * 1024);
});
