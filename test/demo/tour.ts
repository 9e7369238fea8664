/** The steps of the demo, in order. Each shows one promise and checks it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyChain } from '../../sidecar/audit/verify.ts';
import type { ConnectedClient } from '../kit/clients.ts';
import { connectClient } from '../kit/clients.ts';
import { eventually, openStream, statusWith } from './clients.ts';
import type { Narrator } from './narrate.ts';
import type { Parts } from './parts.ts';
import { DEMO_DIRECTORY, mcpgateway, mintedToken, tokenFile } from './parts.ts';

export interface Tour {
  readonly parts: Parts;
  readonly narrator: Narrator;
  readonly everythingUrl: string;
  readonly mirrorUrl: string;
  readonly operator: ConnectedClient;
  readonly reader: ConnectedClient;
}

export const STEPS = 8;

export async function beginTour(parts: Parts, narrator: Narrator): Promise<Tour> {
  const everythingUrl = `http://127.0.0.1:${parts.port}/tools/everything/mcp`;
  const mirrorUrl = `http://127.0.0.1:${parts.port}/tools/mirror/mcp`;
  narrator.say(`server-everything listens on port ${parts.everything.port}, the gateway on port ${parts.port}.`);
  narrator.say('The gateway minted the tokens that tokens.yaml declares, into files that only their owner can read.');
  const operator = await connect(everythingUrl, await mintedToken('operator-token'));
  const reader = await connect(everythingUrl, await mintedToken('reader-token'));
  return { parts, narrator, everythingUrl, mirrorUrl, operator, reader };
}

export async function listTools({ narrator: { step, say, expect }, operator, reader }: Tour): Promise<void> {
  step('Two principals list the tools of one server, with the official SDK');
  const all = await operator.listTools();
  const few = await reader.listTools();
  say(`operator sees ${all.length}: ${all.join(', ')}`);
  say(`reader sees ${few.length}: ${few.join(', ')}`);
  expect(few.length === 2 && all.length > 2, 'each sees what it may call, and nothing else');
  expect(!all.includes('get-env'), 'get-env, which a Deny rule forbids to everyone, is shown to nobody');
}

export async function callTools({ parts, narrator: { step, say, expect }, reader, everythingUrl }: Tour): Promise<void> {
  step('A permitted call works; a refused one never reaches the server');
  const sum = await reader.callTool('get-sum', { a: 2, b: 3 });
  expect(!sum.isError && sum.text.includes('5'), `reader calls get-sum: ${sum.text}`);
  const refusal: unknown = await reader.callTool('get-env').catch((cause: unknown) => cause);
  expect(refusal instanceof Error, `reader calls get-env: ${refusal instanceof Error ? refusal.message : 'it was allowed'}`);
  const record = await eventually(() => parts.audit().find(({ outcome }) => outcome === 'denied'));
  say(`audit line: ${JSON.stringify(record)}`);
  expect(JSON.stringify(record).includes('"called":false'), 'it names who, what and why, and that the server was not called');
  const status = await statusWith(everythingUrl, undefined);
  expect(status === 401, `the same request without a credential: ${status}`);
}

export async function showIdentity({ mirrorUrl, narrator: { step, say, expect } }: Tour): Promise<void> {
  step('The server knows who is asking, and never sees the token');
  const client = await connect(mirrorUrl, await mintedToken('operator-token'), { 'X-Forwarded-User': 'somebody-else' });
  const { text } = await client.callTool('echo_headers');
  await client.close();
  const lines = text.split(/[,\n]/).filter((line) => /"x-(forwarded|mcp-gateway|upstream)/i.test(line));
  say(lines.map((line) => line.trim().replace(/[{}]/g, '')).join('\n'));
  expect(text.includes('"operator"') && !text.includes('somebody-else'), 'the identity is the verified one; the forged header is gone');
  expect(text.includes('example-upstream-key') && !text.includes('mgt_'), "the server's own key was added; the client's token stayed behind");
}

export async function rotate({ everythingUrl, narrator: { step, say, expect } }: Tour): Promise<void> {
  step('Rotate a token: both generations work until the overlap ends');
  const former = await mintedToken('operator-token');
  say('$ mcpgateway token rotate operator -n tools --wait');
  say((await mcpgateway('token', 'rotate', 'operator', '-n', 'tools', '--wait')).trim());
  const current = await mintedToken('operator-token');
  expect(current !== former, `a new secret is in ${tokenFile('operator-token').slice(DEMO_DIRECTORY.length + 1)}`);
  const statuses = [await statusWith(everythingUrl, former), await statusWith(everythingUrl, current)];
  expect(statuses.every((status) => status === 200), `the former and the new one are both accepted: ${statuses.join(', ')}`);
}

export async function revoke({ parts, everythingUrl, narrator: { step, say, expect } }: Tour): Promise<void> {
  step('Revoke a token while its stream is open');
  const token = await mintedToken('reader-token');
  const stream = await openStream(everythingUrl, token);
  say('reader has an event stream open; now tokens.yaml gets `revoked: true`');
  const path = join(DEMO_DIRECTORY, 'tokens.yaml');
  const text = await readFile(path, 'utf8');
  const revoked = text.replace('name: reader\n  namespace: tools\nspec:\n', '$&  revoked: true\n');
  expect(revoked !== text, 'one line is added');
  const written = performance.now();
  await writeFile(path, revoked);
  await stream.ended;
  expect(true, `the stream was cut ${(performance.now() - written).toFixed(1)} ms after the write began`);
  const status = await statusWith(everythingUrl, token);
  expect(status === 401, `the token is refused: ${status}`);
  const isCut = ({ reason, outcome }: Readonly<Record<string, unknown>>): boolean => reason === 'ERR_CREDENTIAL_REVOKED' && outcome === 'denied';
  say(`audit line: ${JSON.stringify(await eventually(() => parts.audit().find(isCut)))}`);
}

export async function revokeByCommand({ everythingUrl, narrator: { step, say, expect } }: Tour): Promise<void> {
  step('The same from the command line, which keeps the comments of the file');
  const token = await mintedToken('operator-token');
  say('$ mcpgateway can-i call tool echo --server everything --token-name operator -n tools');
  say((await mcpgateway('can-i', 'call', 'tool', 'echo', '--server', 'everything', '--token-name', 'operator', '-n', 'tools')).trim());
  say('$ mcpgateway token revoke operator -n tools');
  say((await mcpgateway('token', 'revoke', 'operator', '-n', 'tools')).trim());
  await eventually(async () => ((await statusWith(everythingUrl, token)) === 401 ? true : undefined));
  say(`$ mcpgateway token list\n${(await mcpgateway('token', 'list')).trimEnd()}`);
  expect(true, 'the token is refused');
}

export async function showRecord({ parts, narrator: { step, expect } }: Tour): Promise<void> {
  step('Every decision is on record, and the record shows tampering');
  const lines = parts.auditLines();
  const kept = verifyChain(lines);
  expect(kept.state === 'intact', `the hash chain of ${lines.length} audit lines is intact`);
  const forged = lines.map((line, index) => (index === 3 ? line.replace('"v":1', '"v":1 ') : line));
  expect(verifyChain(forged).state === 'tampered', 'with one space added to the fourth line it is not');
}

async function connect(url: string, token: string, extra: Readonly<Record<string, string>> = {}): Promise<ConnectedClient> {
  return connectClient('SDK 1.x', url, { authorization: `Bearer ${token}`, ...extra });
}
