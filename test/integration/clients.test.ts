/**
 * Real clients and real servers with the gateway between them: each client lists and calls with a bearer token and
 * with an API key, and meets one rule for both.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startFixture } from '../fixture/fixture.ts';
import { CLIENT_KINDS, type ClientHeaders, type ClientKind, connectClient } from '../kit/clients.ts';
import { startEverything } from '../kit/everything.ts';
import { type Gateway, startGateway } from '../kit/gateway.ts';
import { INSPECTOR_EXITS, runInspector } from '../kit/inspector.ts';
import { createOwner } from '../kit/owner.ts';
import { type Relay, startRelay } from '../kit/relay.ts';

const SERVERS = {
  fixture: { allowed: ['echo', 'whoami_headers'], denied: 'test_simple_text' },
  everything: { allowed: ['echo', 'get-sum'], denied: 'get-env' },
} as const;
type ServerName = keyof typeof SERVERS;

const CREDENTIALS = ['a bearer token', 'an API key'] as const;
type CredentialKind = (typeof CREDENTIALS)[number];

const TOKEN_NAMES = { 'a bearer token': 'alice', 'an API key': 'bob' } as const;

const owner = createOwner();
let relays: Readonly<Record<ServerName, Relay>>;
let gateway: Gateway;

beforeAll(async () => {
  const fixture = owner.own(await startFixture());
  const everything = owner.own(await startEverything());
  relays = {
    fixture: owner.own(await startRelay(fixture.port)),
    everything: owner.own(await startRelay(everything.port)),
  };
  const permissions = Object.entries(SERVERS).map(([name, { allowed }]) => ({
    serverRefs: [{ name }],
    tools: [...allowed],
  }));
  gateway = owner.own(
    await startGateway({
      servers: [
        { name: 'fixture', port: relays.fixture.port },
        { name: 'everything', port: relays.everything.port },
      ],
      tokens: [
        { name: TOKEN_NAMES['a bearer token'], type: 'Bearer', permissions },
        { name: TOKEN_NAMES['an API key'], type: 'APIKey', permissions },
      ],
    }),
  );
});

afterAll(owner.stopAll);

function headersFor(credential: CredentialKind): ClientHeaders {
  const secret = gateway.tokens[TOKEN_NAMES[credential]];
  if (secret === undefined) throw new Error('the token was not minted');
  return credential === 'a bearer token' ? { authorization: `Bearer ${secret}` } : { 'x-api-key': secret };
}

/** A header that the gateway passes on, so that its absence means that the request was not. */
function traceOf(mark: string): string {
  return `00-${mark}-${mark.slice(0, 16)}-01`;
}

/** How often the tool was named to the server, in whatever request. */
function timesNamed(server: ServerName, tool: string): number {
  return relays[server].received().split(`"${tool}"`).length - 1;
}

/** server-everything speaks the older era only. */
const pairs = (['fixture', 'everything'] as const).flatMap((server) =>
  CLIENT_KINDS.filter((kind) => server === 'fixture' || kind !== 'SDK 2.x modern').flatMap((kind) =>
    CREDENTIALS.map((credential) => ({ server, kind, credential })),
  ),
) satisfies readonly { server: ServerName; kind: ClientKind; credential: CredentialKind }[];

describe.each(pairs)('$kind with $credential at $server', ({ server, kind, credential }) => {
  const { allowed, denied } = SERVERS[server];
  const connect = () => connectClient(kind, gateway.url(server), headersFor(credential));

  test('lists exactly the tools it may call, and calls one', async () => {
    const client = await connect();
    try {
      expect([...(await client.listTools())].sort()).toEqual([...allowed].sort());
      const answer = await client.callTool('echo', { message: 'hello' });
      expect(answer).toEqual({ isError: false, text: expect.stringContaining('hello') });
    } finally {
      await client.close();
    }
  });

  test('is refused a tool that it may not call', async () => {
    const client = await connect();
    try {
      const before = timesNamed(server, denied);
      await expect(client.callTool(denied)).rejects.toThrow();
      expect(timesNamed(server, denied)).toBe(before);
      // The refusal ends the call, not the connection.
      expect((await client.callTool('echo', { message: 'still here' })).text).toContain('still here');
    } finally {
      await client.close();
    }
  });
});

describe('the tool that the gateway refuses', () => {
  test.each([
    { server: 'fixture', kind: 'SDK 1.x' },
    { server: 'fixture', kind: 'SDK 2.x legacy' },
    { server: 'fixture', kind: 'SDK 2.x modern' },
    { server: 'everything', kind: 'SDK 1.x' },
  ] as const)('answers $kind at $server when no gateway is in between', async ({ server, kind }) => {
    const { denied } = SERVERS[server];
    const before = timesNamed(server, denied);
    const client = await connectClient(kind, `http://127.0.0.1:${String(relays[server].port)}/mcp`, {});
    try {
      expect(await client.listTools()).toContain(denied);
      expect(await client.callTool(denied)).toMatchObject({ isError: false });
      expect(timesNamed(server, denied)).toBe(before + 1);
    } finally {
      await client.close();
    }
  });
});

describe.each(CLIENT_KINDS)('%s', (kind) => {
  test.each([
    ['no credential', {}],
    ['a token that was never minted', { authorization: `Bearer mgt_00000000_${'0'.repeat(43)}_000000` }],
  ] as const)('cannot connect with %s, and nothing reaches the server', async (_name, headers) => {
    // An earlier client may still be opening its stream: only a mark of its own tells whose bytes arrived.
    const mark = randomBytes(16).toString('hex');
    await expect(connectClient(kind, gateway.url('fixture'), { ...headers, traceparent: traceOf(mark) })).rejects.toThrow();
    expect(relays.fixture.received()).not.toContain(mark);
  });

  test('is introduced to the server by name, and its credential stays behind', async () => {
    const mark = randomBytes(16).toString('hex');
    const headers = { ...headersFor('a bearer token'), traceparent: traceOf(mark) };
    const client = await connectClient(kind, gateway.url('fixture'), headers);
    try {
      const { text } = await client.callTool('whoami_headers');
      expect(JSON.parse(text)).toMatchObject({ 'x-forwarded-user': 'alice' });
    } finally {
      await client.close();
    }
    const secret = gateway.tokens['alice'] ?? '';
    expect(secret).not.toBe('');
    expect(relays.fixture.received()).toContain(mark);
    expect(relays.fixture.received()).not.toContain(secret);
  });
});

const inspections = [
  { server: 'fixture', era: 'legacy' },
  { server: 'fixture', era: 'modern' },
  { server: 'everything', era: 'legacy' },
] as const;

describe.each(inspections)('the inspector ($era) at $server', ({ server, era }) => {
  const { allowed, denied } = SERVERS[server];

  test.each(CREDENTIALS)('lists and calls with %s, and is refused the rest', async (credential) => {
    const request = { url: gateway.url(server), headers: headersFor(credential), era };

    const list = await runInspector({ ...request, method: 'tools/list' });
    expect(list).toMatchObject({ code: INSPECTOR_EXITS.ok });
    expect(toolNames(list.printed)).toEqual([...allowed].sort());

    const call = await runInspector({
      ...request,
      method: 'tools/call',
      tool: { name: 'echo', args: { message: 'hello' } },
    });
    expect(call).toMatchObject({ code: INSPECTOR_EXITS.ok });
    expect(JSON.stringify(call.printed)).toContain('hello');

    const before = timesNamed(server, denied);
    const refused = await runInspector({ ...request, method: 'tools/call', tool: { name: denied } });
    expect(refused.code).not.toBe(INSPECTOR_EXITS.ok);
    expect(timesNamed(server, denied)).toBe(before);
  });

  test('ends with the exit code for a missing credential', async () => {
    const refused = await runInspector({ url: gateway.url(server), headers: {}, era, method: 'tools/list' });
    expect(refused).toMatchObject({ code: INSPECTOR_EXITS.refused });
  });
});

function toolNames(printed: unknown): readonly string[] {
  const list = printed as { readonly tools?: readonly { readonly name: string }[]; readonly result?: unknown };
  const tools = list.tools ?? (list.result as { readonly tools: readonly { readonly name: string }[] }).tools;
  return tools.map((tool) => tool.name).sort();
}
