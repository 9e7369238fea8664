/** F9, F10: tokens that the process itself mints, through rotation and through its own sudden death. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { hashCredential } from '../../../core/credential.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { type Gateway, startGateway } from '../../kit/gateway.ts';
import { createOwner } from '../../kit/owner.ts';
import { startProcess } from '../../kit/processes.ts';
import { sendRaw } from '../../kit/raw-http.ts';
import { type SpyUpstream, startSpyUpstream } from '../../kit/spy-upstream.ts';
import { untilMinted, untilStatus } from '../../kit/until.ts';

const owner = createOwner();
afterEach(() => owner.stopAll());

const made = (name: string, annotations: object = {}, overlap = '10m') => ({
  ...{ apiVersion: 'mcpgateway.dev/v1alpha1' },
  kind: 'GatewayToken',
  metadata: { name, annotations },
  ...{ spec: { type: 'Bearer', source: { type: 'Generated' }, secretRef: { name }, lifetime: '24h', rotation: { every: '12h', overlap }, identity: { user: name }, permissions: [{ serverRefs: [{ name: 'server' }], tools: ['*'] }] } },
});
const asked = (second: number): object => ({ 'mcpgateway.dev/rotate-requested-at': `2026-11-23T10:00:0${String(second)}Z` });

async function running(tokens: readonly string[], overlap?: string): Promise<{ gateway: Gateway; spy: SpyUpstream }> {
  const spy = owner.own(await startSpyUpstream());
  const files = Object.fromEntries(tokens.map((name) => [`gatewaytoken-${name}.yaml`, JSON.stringify(made(name, {}, overlap))]));
  return { gateway: owner.own(await startGateway({ servers: [{ name: 'server', port: spy.port }], files })), spy };
}

const callTo = (gateway: Gateway, text: string): string => aCall(text, ECHO).replace('POST /mcp ', `POST ${gateway.path('server')} `);

test('F9 two generations live at most, a repeated request does nothing, and a third generation ends the first', async () => {
  const { gateway, spy } = await running(['bot']);
  const status = async (text: string): Promise<number> => (await sendRaw(gateway.port, callTo(gateway, text))).status;
  const first = await untilMinted(gateway.dir, 'bot');
  await untilStatus(gateway.port, callTo(gateway, first), 200);
  await gateway.write(made('bot', asked(1)));
  const second = await untilMinted(gateway.dir, 'bot', first);
  expect([await status(first), await status(second)]).toEqual([200, 200]);
  await gateway.write({ ...made('bot', { ...asked(1), note: 'the same request again' }) });
  await gateway.audited((record) => record['event'] === 'snapshot.applied' && record === gateway.auditLines().at(-1));
  expect([await status(first), await status(second), await untilMinted(gateway.dir, 'bot')]).toEqual([200, 200, second]);
  await gateway.write(made('bot', asked(2)));
  const third = await untilMinted(gateway.dir, 'bot', second);
  await untilStatus(gateway.port, callTo(gateway, first), 401);
  expect([await status(first), await status(second), await status(third)]).toEqual([401, 200, 200]);
  expect(spy.requests.length).toBeGreaterThan(0);
});

test('F9 the former generation is dead at the end of the overlap', async () => {
  const { gateway } = await running(['bot'], '300ms');
  const first = await untilMinted(gateway.dir, 'bot');
  await untilStatus(gateway.port, callTo(gateway, first), 200);
  await gateway.write(made('bot', asked(1), '300ms'));
  const second = await untilMinted(gateway.dir, 'bot', first);
  await untilStatus(gateway.port, callTo(gateway, first), 401);
  expect((await sendRaw(gateway.port, callTo(gateway, second))).status).toBe(200);
});

interface Recorded {
  readonly tokens: readonly { readonly name: string; readonly generations: readonly { readonly sha256: string; readonly state: string }[] }[];
}

// The deaths are spread over the whole start-up, so that they meet the ledger and the files at every step of minting.
test('F10 a process that is killed while it mints leaves no token that the ledger does not know, and the next start mends the rest', async () => {
  const names = Array.from({ length: 8 }, (_, index) => `bot-${String(index)}`);
  const { gateway, spy } = await running(names);
  for (const name of names) await untilMinted(gateway.dir, name);
  const state = join(gateway.dir, '.mcpgateway');
  process.kill(gateway.pid, 'SIGKILL');
  for (let death = 0; death < 4; death += 1) {
    await rm(state, { recursive: true });
    const child = startProcess(join(import.meta.dirname, '../../../bin/mcpgateway'), ['serve', '--config', gateway.dir]);
    const wanted = names[(death * 2) % names.length] ?? '';
    await untilMinted(gateway.dir, wanted);
    await child.stop('SIGKILL');
    const ledger = JSON.parse(await readFile(join(state, 'ledger.json'), 'utf8')) as Recorded;
    const known = new Set(ledger.tokens.flatMap(({ generations }) => generations.map(({ sha256 }) => sha256)));
    const files = (await readdir(join(state, 'tokens/default'))).filter((name) => names.includes(name));
    expect(files.length).toBeGreaterThan(0);
    for (const name of files) expect(known).toContain(hashCredential((await readFile(join(state, 'tokens/default', name), 'utf8')).trimEnd()));
  }
  const child = startProcess(join(import.meta.dirname, '../../../bin/mcpgateway'), ['serve', '--config', gateway.dir]);
  const [line = ''] = await child.untilLine(/"listening"/).then(({ input }) => [input]);
  const { port } = JSON.parse(line) as { port: number };
  for (const name of names) await untilStatus(port, callTo(gateway, await untilMinted(gateway.dir, name)), 200);
  await child.stop();
  expect(spy.requests.length).toBeGreaterThanOrEqual(names.length);
});
