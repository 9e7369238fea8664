/**
 * M: one gateway at its most talkative, a unique canary in every place that holds a secret, all kinds of traffic and
 * faults; then every output is searched. A canary is found in any form a log could give it.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../../kit/eventually.ts';
import { aRawRequest, bearer, JSON_TYPE } from '../../kit/attack.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { type Gateway, startGateway } from '../../kit/gateway.ts';
import { createOwner } from '../../kit/owner.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { answerEvents, answerJson, answerRedirect, answerThenCut, type SpyScript } from '../../kit/spy-scripts.ts';
import { type SpyUpstream, startSpyUpstream } from '../../kit/spy-upstream.ts';
import { untilMinted, untilStatus } from '../../kit/until.ts';

const owner = createOwner();
let spy: SpyUpstream;
let gateway: Gateway;
const answers: string[] = [];
const canaries = new Map<string, string>();

const canary = (place: string): string => {
  const text = `canary${Buffer.from(place).toString('hex')}zq7`;
  canaries.set(place, text);
  return text;
};

const ALL = [{ serverRefs: [{ name: 'server' }, { name: 'closed' }], tools: ['*'], prompts: ['*'], resources: ['*'] }];
const credentials = (name: string): object => ({ credentials: [{ header: 'Authorization', prefix: 'Bearer ', secretRef: { name, key: 'token' } }] });
const secret = (name: string, value: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'Opaque', stringData: { token: value } });

beforeAll(async () => {
  spy = owner.own(await startSpyUpstream());
  gateway = owner.own(
    await startGateway({
      args: ['--log-level', 'debug'],
      servers: [
        { name: 'server', port: spy.port, spec: { upstream: { port: spy.port, path: '/mcp', ...credentials('pat') } } },
        { name: 'closed', port: 1, spec: { upstream: { port: 1, path: '/mcp', ...credentials('closed-pat') } } },
      ],
      tokens: [{ name: 'alice', permissions: ALL }, { name: 'key', type: 'APIKey', permissions: ALL }, { name: 'dead', permissions: ALL }],
      files: {
        'pat.yaml': secret('pat', canary('upstream credential')),
        'closed-pat.yaml': secret('closed-pat', canary('credential of a server that is down')),
        'broken-secret.yaml': secret('broken', `${canary('secret with a line end')}\n\u0007`),
        'half-secret.yaml': secret('half', canary('secret in a file that does not parse')).slice(0, -2),
        'unknown-field.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'odd' }, stringdata: { token: canary('secret under a misspelt key') } }),
        'wrong-type.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'odd2' }, data: { token: canary('secret that is not base64') } }),
        'made.yaml': JSON.stringify({ apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'GatewayToken', metadata: { name: 'made' }, spec: { type: 'Bearer', source: { type: 'Generated' }, secretRef: { name: 'made' }, lifetime: '24h', identity: { user: 'made' }, permissions: ALL } }),
      },
    }),
  );
  for (const [name, text] of Object.entries(gateway.tokens)) canaries.set(`token ${name}`, text.slice(13, 56));
  canaries.set('minted token', (await untilMinted(gateway.dir, 'made')).slice(13, 56));
  await untilStatus(gateway.port, to('server', aCall(gateway.tokens['alice'] ?? '', ECHO)), 200);
  await goodTraffic();
  await badTraffic();
  await faultyUpstream();
  await changes();
}, 30_000);
afterAll(() => owner.stopAll());

const to = (server: string, bytes: string): string => bytes.replace(' /mcp HTTP', ` ${gateway.path(server)} HTTP`);
const record = async (bytes: string | Uint8Array): Promise<void> => {
  const answer = await sendRaw(gateway.port, bytes).catch(() => undefined);
  if (answer !== undefined) answers.push(JSON.stringify(answer.rawHeaders), answer.text);
};
const raw = (headers: readonly string[], body: string, path = gateway.path('server')): Buffer => aRawRequest({ headers: [JSON_TYPE, ...headers], body, path });

async function goodTraffic(): Promise<void> {
  const { alice = '', key = '' } = gateway.tokens;
  await record(raw([bearer(alice), `Cookie: session=${canary('cookie')}`, `Proxy-Authorization: Basic ${canary('proxy authorization')}`], JSON.stringify(ECHO)));
  await record(raw([`X-API-Key: ${key}`, `X-Secret: ${canary('header nobody knows')}`], JSON.stringify(ECHO)));
  const args = { name: 'echo', arguments: { password: canary('argument'), list: [{ deep: canary('deep argument') }], [canary('argument name')]: 1 } };
  await record(to('server', aCall(alice, { ...ECHO, params: args })));
  await record(to('server', aCall(alice, [{ ...ECHO, params: args }])));
  spy.answerWith(answerJson({ jsonrpc: '2.0', id: 1, result: { secret: 'of the answer' } }, { headers: { 'Mcp-Session-Id': canary('upstream session') } }));
  await record(to('server', aCall(alice, { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} })));
  spy.answerWith(answerJson());
}

async function badTraffic(): Promise<void> {
  const { alice = '', key = '', dead = '' } = gateway.tokens;
  const body = JSON.stringify(ECHO);
  const wrong = `${alice.slice(0, -1)}${alice.endsWith('0') ? '1' : '0'}`;
  for (const header of [bearer(wrong), bearer(`${alice}x`), `Authorization: Basic ${alice}`, `Authorization: ${alice}`, `X-API-Key: ${alice}`, bearer(key), bearer(`${alice}, ${dead}`)]) await record(raw([header], body));
  await record(raw([bearer(alice), `X-API-Key: ${key}`], body));
  await record(raw([bearer(canary('credential of another kind'))], body));
  await record(raw([bearer(alice)], body, `${gateway.path('server')}?access_token=${alice}`));
  await record(raw([bearer(alice)], body, `/${alice}`));
  await record(raw([bearer(alice), `X_Forwarded_User: ${alice}`], body));
  await record(raw([bearer(alice), `Origin: https://${canary('origin')}.example`], body));
  await record(raw([bearer(alice), `User-Agent: curl ${alice}`], body));
  await record(raw([bearer(alice), `MCP-Protocol-Version: ${canary('version').slice(0, 40)}`], `${body}${canary('garbage behind the body')}`));
  await record(raw([bearer(alice), `Mcp-Session-Id: ${canary('session of a client')}`], body));
  for (const text of [`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${alice}"}}`, `{"jsonrpc":"2.0","id":"${alice}","method":"no/such"}`, `{"jsonrpc":"2.0","id":1,"method":"${alice}"}`, `{"password":"${canary('field of a body')}"`, canary('body that is no JSON')]) {
    await record(to('server', aCall(alice, text)));
  }
  await record(`${alice} /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await record(`POST /mcp HTTP/1.1\r\nHost: localhost\r\n${alice}\r\n\r\n`);
  await record(`CONNECT user:${canary('password in a URL')}@localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await record(to('closed', aCall(alice, ECHO)));
}

async function faultyUpstream(): Promise<void> {
  const { alice = '' } = gateway.tokens;
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  const scripts: readonly SpyScript[] = [
    answerJson({ error: 'denied' }, { status: 401, headers: { 'WWW-Authenticate': `Bearer realm="${canary('upstream challenge')}"` } }),
    answerRedirect(`http://127.0.0.1:1/?token=${canary('redirect')}`),
    answerThenCut(`HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n`),
    answerThenCut(`${canary('upstream that does not speak HTTP')}\r\n\r\n`),
    answerJson(undefined, { headers: { 'Set-Cookie': `s=${canary('upstream cookie')}`, 'X-Debug': canary('upstream header') } }),
    answerJson(canary('list that is none'), {}),
    answerEvents([`data: ${canary('event that is no JSON')}\n\n`], { end: true }),
  ];
  for (const script of scripts) {
    spy.answerWith(script);
    await record(to('server', aCall(alice, list)));
  }
  spy.answerWith(answerEvents([': open\n\n']));
}

async function changes(): Promise<void> {
  const { dead = '' } = gateway.tokens;
  const stream = await openRaw(gateway.port);
  stream.write(to('server', aCall(dead, ECHO)));
  await stream.untilReceived(': open');
  await gateway.write(gateway.tokenObject('dead', { revoked: true }));
  await stream.untilClosed();
  answers.push(stream.received().toString());
  spy.answerWith(answerJson());
  await record(to('server', aCall(dead, ECHO)));
  await writeFile(join(gateway.dir, 'pat.yaml'), secret('pat', `${canary('second upstream credential')}\u0001`));
  await untilStatus(gateway.port, to('server', aCall(gateway.tokens['alice'] ?? '', ECHO)), 503);
  await rm(join(gateway.dir, 'half-secret.yaml'));
  await writeFile(join(gateway.dir, 'gateway-config.json'), `{"listener": {"password": "${canary('gateway configuration')}"`);
  await eventually('the wrong configuration reported', () => Promise.resolve(gateway.logLines.some((line) => line.includes('gateway-config.json')) || undefined));
}

/** Places whose canary is in the text: as it is, in base64, in hexadecimal or percent-encoded. */
function leaks(text: string, except: readonly string[] = []): readonly string[] {
  const forms = (value: string): readonly string[] => {
    const bytes = Buffer.from(value);
    return [value, bytes.toString('hex'), bytes.toString('base64').slice(0, -4), encodeURIComponent(value)];
  };
  return [...canaries].filter(([place, value]) => !except.includes(place) && forms(value).some((form) => text.includes(form))).map(([place]) => place);
}

describe('no canary is', () => {
  test('M1 in the log at its most talkative', () => {
    const log = gateway.logLines.join('\n');
    expect(log).toContain('"debug"');
    expect(leaks(log)).toEqual([]);
  });

  test('M2 in an audit record, whatever the traffic', () => {
    const records = JSON.stringify(gateway.auditLines());
    for (const outcome of ['allowed', 'denied']) expect(records).toContain(`"outcome":"${outcome}"`);
    expect(gateway.auditLines().length).toBeGreaterThan(30);
    expect(leaks(records)).toEqual([]);
  });

  test('M3 in metrics or the answers of health and readiness', async () => {
    const port = Number(new URL(gateway.adminUrl).port);
    const texts = await Promise.all(['/metrics', '/healthz', '/readyz'].map(async (path) => (await sendRaw(port, aRawRequest({ method: 'GET', path, headers: ['Connection: close'] }))).text));
    expect(texts[0]).toContain('mcpgateway_');
    expect(leaks(texts.join('\n'))).toEqual([]);
  });

  test('M4 in a problem of the configuration, each of which is named', () => {
    const problems = gateway.logLines.filter((line) => line.includes('.yaml') || line.includes('gateway-config')).join('\n');
    for (const file of ['half-secret.yaml', 'unknown-field.yaml', 'gateway-config.json']) expect(problems).toContain(file);
    expect(leaks(problems)).toEqual([]);
  });

  test('M5 in an answer, unless the client itself sent it as the id of its message', () => {
    expect(answers.length).toBeGreaterThan(50);
    const own = /"id":"mgt_[^"]*"/;
    const echoed = answers.filter((answer) => own.test(answer));
    expect(echoed.length).toBe(1);
    // The client gets its session wrapped: the upstream's id is inside, and useless without the MAC.
    expect(leaks(answers.map((answer) => answer.replace(own, '')).join('\n'), ['upstream session'])).toEqual([]);
  });

  test('M6 K13 in the command line or the environment of the process, which has no inspector and writes no reports', async () => {
    const [argv, environ] = await Promise.all(['cmdline', 'environ'].map((file) => readFile(`/proc/${String(gateway.pid)}/${file}`, 'utf8')));
    expect(argv).toContain('main.ts');
    expect(leaks(`${argv ?? ''}${environ ?? ''}`)).toEqual([]);
    expect(argv).not.toMatch(/--inspect|--report|--heapsnapshot|--abort-on/);
  });

  test('M8 sent to another host, and the credential of the upstream goes to the upstream alone', () => {
    expect(spy.requests.length).toBeGreaterThan(10);
    // One client wrote its token into the name of its own program; that is not the gateway's doing.
    const sent = spy.requests.map(({ rawHeaders }) => JSON.stringify(rawHeaders.filter(([name]) => name.toLowerCase() !== 'user-agent'))).join('\n');
    const seen = leaks(sent);
    expect(seen).toContain('upstream credential');
    expect(seen.filter((place) => place.startsWith('token') || place.includes('cookie') || place.includes('proxy') || place.includes('down'))).toEqual([]);
  });

  test('M1 after all that the process still serves, and a stop is clean', async () => {
    expect((await sendRaw(gateway.port, to('closed', aCall(gateway.tokens['alice'] ?? '', ECHO)))).status).toBe(502);
    expect((await gateway.stop()).code).toBe(0);
    expect(gateway.logLines.join('\n')).not.toMatch(/unhandled|uncaught|ERR_INTERNAL|inside the gateway/i);
    expect(leaks(gateway.logLines.join('\n') + JSON.stringify(gateway.auditLines()))).toEqual([]);
  });
});
