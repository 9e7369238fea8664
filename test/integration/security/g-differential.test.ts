/**
 * G with two oracles: what real SDK servers carry out when they get a body directly, and what they get through the
 * gateway. The token may use `echo` alone; whatever could be carried out otherwise must not arrive.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { startFixture } from '../../fixture/fixture.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { startEverything } from '../../kit/everything.ts';
import { createOwner } from '../../kit/owner.ts';
import { type RawExchange, sendRaw } from '../../kit/raw-http.ts';
import { type Relay, startRelay } from '../../kit/relay.ts';
import { startSidecar, type TestSidecar } from '../../kit/sidecar.ts';

const SERVERS = {
  'SDK 2.x': { denied: 'test_simple_text', carriedOut: 'A simple text.' },
  'SDK 1.x': { denied: 'get-env', carriedOut: 'NODE' },
} as const;
type ServerName = keyof typeof SERVERS;
const NAMES = ['SDK 2.x', 'SDK 1.x'] as const;
const MARK = 'mark-of-this-body';

const owner = createOwner();
const token = aToken({ tools: ['echo'], prompts: [], resources: [] });

interface Path {
  readonly port: number;
  readonly session: string;
}
interface Oracle {
  readonly relay: Relay;
  readonly direct: Path;
  readonly guarded: Path;
}
const oracles = new Map<ServerName, Oracle>();

const INITIALIZE = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '1' } } });

function post(port: number, body: string | Uint8Array, headers: readonly string[] = []): Promise<RawExchange> {
  const bytes = Buffer.from(typeof body === 'string' ? Buffer.from(body) : body);
  const head = [
    'POST /mcp HTTP/1.1', `Host: localhost:${String(port)}`, `Authorization: Bearer ${token.text}`, 'Content-Type: application/json',
    'Accept: application/json, text/event-stream', `Content-Length: ${String(bytes.length)}`, ...headers, '', '',
  ];
  return sendRaw(port, Buffer.concat([Buffer.from(head.join('\r\n')), bytes]));
}

async function opened(port: number): Promise<Path> {
  const { headers } = await post(port, INITIALIZE);
  const session = headers['mcp-session-id'] ?? '';
  expect(session).not.toBe('');
  await post(port, '{"jsonrpc":"2.0","method":"notifications/initialized"}', [`Mcp-Session-Id: ${session}`]);
  return { port, session };
}

beforeAll(async () => {
  for (const name of NAMES) {
    const server = owner.own(name === 'SDK 2.x' ? await startFixture() : await startEverything());
    const relay = owner.own(await startRelay(server.port));
    const sidecar: TestSidecar = await startSidecar({ bundles: [aBundle({ port: relay.port, tokens: [token] })] });
    owner.own(sidecar);
    oracles.set(name, { relay, direct: await opened(server.port), guarded: await opened(sidecar.port) });
  }
});
afterAll(() => owner.stopAll());

function oracleOf(name: ServerName): Oracle {
  const oracle = oracles.get(name);
  if (oracle === undefined) throw new Error(`no server ${name}`);
  return oracle;
}

const call = (params: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
const args = `"arguments":{"message":"${MARK}"}`;

/** Each has a reading in which it calls what is denied. */
function ambiguous(denied: string): Readonly<Record<string, string | Buffer>> {
  return {
    'G1 the name twice': call(`{"name":"echo",${args},"name":"${denied}"}`),
    'G1 the parameters twice': `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",${args}},"params":{"name":"${denied}"}}`,
    'G1 the method twice': `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"${denied}",${args}}}`,
    'G2 the name twice, once escaped': call(`{"name":"echo",${args},"n\\u0061me":"${denied}"}`),
    'G2 the parameters twice, once escaped': `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",${args}},"p\\u0061rams":{"name":"${denied}"}}`,
    'G3 the name in another case': call(`{"name":"echo",${args},"Name":"${denied}"}`),
    'G4 the name in __proto__': call(`{"__proto__":{"name":"${denied}"},${args}}`),
    'G6 a batch': `[${call(`{"name":"echo",${args}}`)},${call(`{"name":"${denied}"}`).replace('"id":1', '"id":2')}]`,
    'G6 a batch of one': `[${call(`{"name":"${denied}",${args}}`)}]`,
    'G9 the name in a list': call(`{"name":["${denied}"],${args}}`),
    'G11 two documents': call(`{"name":"echo",${args}}`) + call(`{"name":"${denied}"}`),
    'G12 a byte order mark': Buffer.from(`\ufeff${call(`{"name":"${denied}",${args}}`)}`),
    'G12 UTF-16': Buffer.from(call(`{"name":"${denied}",${args}}`), 'utf16le'),
    'G12 an overlong letter': Buffer.concat([Buffer.from(call(`{"name":"${denied}","x":"`).slice(0, -1)), Buffer.from([0xc1, 0xa1]), Buffer.from(`",${args}}}`)]),
    'G10 an id beyond 2^53': call(`{"name":"${denied}",${args}}`).replace('"id":1', '"id":9007199254740993'),
    'G5 an escaped method': `{"jsonrpc":"2.0","id":1,"method":"tools\\u002fcall","params":{"name":"${denied}",${args}}}`,
    'G18 a header that names the allowed one': call(`{"name":"${denied}",${args}}`),
  };
}

describe.each(NAMES)('%s', (name) => {
  const { denied, carriedOut } = SERVERS[name];
  const headers = (session: string): readonly string[] => [`Mcp-Session-Id: ${session}`, 'Mcp-Method: tools/call', 'Mcp-Name: echo'];

  test.each(Object.keys(ambiguous(denied)))('%s does not reach the server', async (title) => {
    const { relay, guarded } = oracleOf(name);
    const body = ambiguous(denied)[title] ?? '';
    const { text } = await post(guarded.port, body, headers(guarded.session));
    expect(text).toContain('"error"');
    expect(text).not.toContain(carriedOut);
    expect(relay.received()).not.toContain(MARK);
    expect(relay.received()).not.toContain(Array.from(MARK).join('\0'));
  });

  test('G1 carries out many of these bodies when it gets them directly, so that refusing them means something', async () => {
    const { direct } = oracleOf(name);
    const dangerous: string[] = [];
    for (const [title, body] of Object.entries(ambiguous(denied))) {
      const { text } = await post(direct.port, body, [`Mcp-Session-Id: ${direct.session}`]);
      if (text.includes(carriedOut)) dangerous.push(title);
    }
    expect(dangerous).toEqual(expect.arrayContaining(['G1 the name twice', 'G1 the parameters twice', 'G2 the name twice, once escaped', 'G5 an escaped method']));
  });

  test('G1 carries out what the token may do, through the gateway, byte for byte', async () => {
    const { guarded } = oracleOf(name);
    const { text } = await post(guarded.port, call('{"name":"ech\\u006f","arguments":{"message":"allowed"}}'), [`Mcp-Session-Id: ${guarded.session}`]);
    expect(text).toContain('allowed');
    expect(text).not.toContain('"error"');
  });

  // A grammar of fragments, then damaged bytes: most bodies are nearly valid, and many have two readings.
  test('G25 carries out nothing else for 150 bodies of a fuzzer', async () => {
    const { relay, guarded } = oracleOf(name);
    const before = relay.received().length;
    await fc.assert(
      fc.asyncProperty(bodies(denied), async (body) => {
        const { text } = await post(guarded.port, body, [`Mcp-Session-Id: ${guarded.session}`]);
        expect(text).not.toContain(carriedOut);
      }),
      { numRuns: 150, seed: 20_260_728 },
    );
    const { text } = await post(guarded.port, call('{"name":"echo","arguments":{"message":"still here"}}'), [`Mcp-Session-Id: ${guarded.session}`]);
    expect(text).toContain('still here');
    // Some of the bodies were good ones: the fuzzer is not refused as a whole.
    expect(relay.received().slice(before)).toContain('fuzzed');
  });
});

function bodies(denied: string): fc.Arbitrary<Buffer> {
  const key = fc.constantFrom('"name"', '"Name"', '"n\\u0061me"', '"NAME"', '"name\\u0000"', '"_meta"', '"arguments"', '"__proto__"', '"x"');
  const value = fc.constantFrom('"echo"', `"${denied}"`, '{"message":"fuzzed"}', '{}', '[]', 'null', '1e400', `{"name":"${denied}"}`, `["${denied}"]`);
  const member = fc.tuple(key, value).map(([name, text]) => `${name}:${text}`);
  const good = fc.constant('"name":"echo","arguments":{"message":"fuzzed"}');
  const params = fc.tuple(fc.oneof(good, member), fc.array(member, { maxLength: 2 })).map(([first, rest]) => `{${[first, ...rest].join(',')}}`);
  const head = fc.constantFrom('"jsonrpc":"2.0","id":1,"method":"tools/call"', '"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"', '"jsonrpc":"2.0","id":"1","Method":"ping","method":"tools\\/call"');
  const message = fc.tuple(head, params).map(([start, text]) => `{${start},"params":${text}}`);
  const text = fc.oneof({ weight: 4, arbitrary: message }, { weight: 1, arbitrary: fc.array(message, { maxLength: 3 }).map((all) => `[${all.join(',')}]`) }, { weight: 1, arbitrary: fc.tuple(message, message).map(([a, b]) => `${a}\n${b}`) });
  const damage = fc.option(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), { freq: 3 });
  return fc.tuple(text, damage).map(([whole, damaged]) => {
    const bytes = Buffer.from(whole);
    if (damaged !== null && bytes.length > 0) bytes[damaged[0] % bytes.length] = damaged[1];
    return bytes;
  });
}
