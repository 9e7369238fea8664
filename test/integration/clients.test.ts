/**
 * Real clients and real servers with the gateway between them: each client lists and calls with a bearer token and
 * with an API key, and meets one rule for both.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Fixture, startFixture } from '../fixture/fixture.ts';
import { CLIENT_KINDS, type ClientHeaders, type ClientKind, connectClient } from '../kit/clients.ts';
import { startEverything } from '../kit/everything.ts';
import { type Gateway, startGateway } from '../kit/gateway.ts';
import { INSPECTOR_EXITS, runInspector } from '../kit/inspector.ts';
import { createOwner } from '../kit/owner.ts';

const SERVERS = {
  fixture: { allowed: ['echo', 'whoami_headers'], denied: 'test_simple_text' },
  everything: { allowed: ['echo', 'get-sum'], denied: 'get-env' },
} as const;
type ServerName = keyof typeof SERVERS;

const CREDENTIALS = ['bearer token', 'API key'] as const;
type CredentialKind = (typeof CREDENTIALS)[number];

const TOKEN_NAMES = { 'bearer token': 'alice', 'API key': 'bob' } as const;

const owner = createOwner();
let fixture: Fixture;
let gateway: Gateway;

beforeAll(async () => {
  fixture = owner.own(await startFixture());
  const everything = owner.own(await startEverything());
  const permissions = Object.entries(SERVERS).map(([name, { allowed }]) => ({
    serverRefs: [{ name }],
    tools: [...allowed],
  }));
  gateway = owner.own(
    await startGateway({
      servers: [
        { name: 'fixture', port: fixture.port },
        { name: 'everything', port: everything.port },
      ],
      tokens: [
        { name: TOKEN_NAMES['bearer token'], type: 'Bearer', permissions },
        { name: TOKEN_NAMES['API key'], type: 'APIKey', permissions },
      ],
    }),
  );
});

afterAll(owner.stopAll);

function headersFor(credential: CredentialKind): ClientHeaders {
  const secret = gateway.tokens[TOKEN_NAMES[credential]];
  if (secret === undefined) throw new Error('the token was not minted');
  return credential === 'bearer token' ? { authorization: `Bearer ${secret}` } : { 'x-api-key': secret };
}

/** Calls of that tool that have reached the fixture, in any kind of request. */
function callsReceived(tool: string): number {
  return fixture.received.filter(({ body }) => JSON.stringify(body ?? null).includes(`"${tool}"`)).length;
}

/** server-everything speaks the older era only. */
const pairs = (['fixture', 'everything'] as const).flatMap((server) =>
  CLIENT_KINDS.filter((kind) => server === 'fixture' || kind !== 'SDK 2.x modern').flatMap((kind) =>
    CREDENTIALS.map((credential) => ({ server, kind, credential })),
  ),
) satisfies readonly { server: ServerName; kind: ClientKind; credential: CredentialKind }[];

describe.each(pairs)('$kind with a $credential at $server', ({ server, kind, credential }) => {
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
      const before = callsReceived(denied);
      await expect(client.callTool(denied)).rejects.toThrow();
      expect(callsReceived(denied)).toBe(before);
      // The refusal ends the call, not the connection.
      expect((await client.callTool('echo', { message: 'still here' })).text).toContain('still here');
    } finally {
      await client.close();
    }
  });
});

describe('the tool that the gateway refuses', () => {
  test.each(CLIENT_KINDS)('answers %s when nothing is in between', async (kind) => {
    const { denied } = SERVERS.fixture;
    const before = callsReceived(denied);
    const client = await connectClient(kind, fixture.url, {});
    try {
      expect(await client.listTools()).toContain(denied);
      expect(await client.callTool(denied)).toMatchObject({ isError: false });
      expect(callsReceived(denied)).toBe(before + 1);
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
    const before = fixture.received.length;
    await expect(connectClient(kind, gateway.url('fixture'), headers)).rejects.toThrow();
    expect(fixture.received).toHaveLength(before);
  });

  test('is introduced to the server by name, and its credential stays behind', async () => {
    const client = await connectClient(kind, gateway.url('fixture'), headersFor('bearer token'));
    try {
      const { text } = await client.callTool('whoami_headers');
      expect(JSON.parse(text)).toMatchObject({ 'x-forwarded-user': 'alice' });
    } finally {
      await client.close();
    }
    const secret = gateway.tokens['alice'] ?? '';
    expect(secret).not.toBe('');
    expect(JSON.stringify(fixture.received)).not.toContain(secret);
  });
});

const inspections = [
  { server: 'fixture', era: 'legacy' },
  { server: 'fixture', era: 'modern' },
  { server: 'everything', era: 'legacy' },
] as const;

describe.each(inspections)('the inspector ($era) at $server', ({ server, era }) => {
  const { allowed, denied } = SERVERS[server];

  test.each(CREDENTIALS)('lists and calls with a %s, and is refused the rest', async (credential) => {
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

    const before = callsReceived(denied);
    const refused = await runInspector({ ...request, method: 'tools/call', tool: { name: denied } });
    expect(refused.code).not.toBe(INSPECTOR_EXITS.ok);
    expect(callsReceived(denied)).toBe(before);
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
