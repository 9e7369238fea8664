import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { DENIAL_CODES } from '../../../../core/denial.ts';
import type { Entry, Message, Target } from '../../../../core/mcp/message.ts';
import { createChain } from '../../../../sidecar/audit/chain.ts';
import type { Exchange } from '../../../../sidecar/audit/exchange.ts';
import { createRecordRenderer } from '../../../../sidecar/audit/record.ts';
import { MAX_LINE_BYTES } from '../../../../sidecar/audit/log.ts';
import { aCall, aClock, aDenial, anExchange, aPrincipal, aRefusal, SERVER } from './kit.ts';

const PHASES = ['request', 'decide', 'close'] as const;

function render(exchange: Exchange, phase: (typeof PHASES)[number] = 'request'): Record<string, unknown> {
  return JSON.parse(`{${createRecordRenderer()(exchange, phase, 12.3456)}}`);
}

/** The whole line, as it is written. */
function lineOf(exchange: Exchange, phase: (typeof PHASES)[number] = 'request'): string {
  const chain = createChain(aClock(), { instance: '\u2028'.repeat(500), version: '"'.repeat(500) });
  return chain.append(createRecordRenderer()(exchange, phase, 1));
}

describe('the record of an exchange', () => {
  test('has exactly these members for a permitted call', () => {
    expect(render(anExchange({ userAgent: 'sdk/1', clientRequestId: 'c-9', traceId: 'f'.repeat(32), upstreamCredentials: ['secret/pat#token'] }))).toEqual({
      code: 'MCP2001',
      event: 'tools/call',
      outcome: 'allowed',
      close: 'completed',
      policy: {
        name: 'team-a/everything',
        uid: SERVER.uid,
        generation: 3,
        revision: 'a'.repeat(64),
        rule: 'GatewayToken/team-a/alice-laptop#permissions[0]',
      },
      principal: {
        id: 'gateway-tokens/team-a|alice',
        groups: ['developers'],
        method: 'bearer',
        credential: 'team-a/alice-laptop',
        credId: '9a1b#Ab3dEf9h',
      },
      mcp: { era: 'modern', method: 'tools/call', name: 'echo', rpcId: 7 },
      http: {
        req: 'req-1',
        verb: 'POST',
        clientReq: 'c-9',
        trace: 'f'.repeat(32),
        peer: '10.0.0.9',
        ua: 'sdk/1',
        status: 200,
        latencyMs: 12.346,
        bytesIn: 700,
        bytesOut: 800,
      },
      upstream: { called: true, credential: ['secret/pat#token'] },
    });
  });

  test('says that a request was handed to another pod, or that it came from one', () => {
    const handed = render(anExchange({ upstreamCalled: false, handedTo: '01234567-89ab-4def-8123-456789abcdef' }));
    expect(handed).toMatchObject({ outcome: 'allowed', upstream: { called: false, pod: '01234567-89ab-4def-8123-456789abcdef' } });
    const lost = render(anExchange({ denial: aDenial('ERR_SESSION_HOLDER_UNREACHABLE'), upstreamCalled: false }));
    expect(lost).toMatchObject({ outcome: 'allowed', reason: 'ERR_SESSION_HOLDER_UNREACHABLE' });
    const taken = render(anExchange({ cameFrom: { address: '10.0.0.2', requestId: 'req-1' } }));
    expect(taken).toMatchObject({ http: { peer: '10.0.0.9', from: { peer: '10.0.0.2', req: 'req-1' } }, upstream: { called: true } });
  });

  test('names the rule that denied, and the reason', () => {
    const denied = anExchange({ permitRule: undefined, denial: aDenial('ERR_PERMISSION_DENIED', 'default-deny'), upstreamCalled: false });
    expect(render(denied)).toMatchObject({
      code: 'MCP2002',
      outcome: 'denied',
      reason: 'ERR_PERMISSION_DENIED',
      policy: { rule: 'default-deny' },
      upstream: { called: false },
    });
  });

  test('has no principal, no message and no rule for a stranger', () => {
    const record = render(aRefusal());
    expect(record).toMatchObject({ code: 'MCP2004', event: 'http', outcome: 'denied', reason: 'ERR_CREDENTIAL_INVALID' });
    expect(Object.keys(record)).toEqual(['code', 'event', 'outcome', 'reason', 'close', 'policy', 'http', 'upstream']);
    expect(record['policy']).not.toHaveProperty('rule');
  });

  test('a permitted call that failed at the upstream is allowed and says why it failed', () => {
    const failed = anExchange({ denial: aDenial('ERR_UPSTREAM_TIMEOUT'), status: 504 });
    expect(render(failed)).toMatchObject({ outcome: 'allowed', reason: 'ERR_UPSTREAM_TIMEOUT', http: { status: 504 } });
  });

  test('an upload that was aborted half-way is aborted, not allowed', () => {
    const aborted = anExchange({ permitRule: undefined, message: undefined, status: undefined, closeCause: 'client-aborted' });
    expect(render(aborted)).toMatchObject({ code: 'MCP2003', outcome: 'aborted', close: 'client-aborted' });
  });

  test.each<[Target, Record<string, unknown>]>([
    [{ kind: 'none' }, {}],
    [{ kind: 'prompt', name: 'p' }, { name: 'p' }],
    [{ kind: 'resource', uri: 'demo://r' }, { name: 'demo://r' }],
    [{ kind: 'template', uriTemplate: 'demo://{id}' }, { name: 'demo://{id}' }],
    [{ kind: 'task', taskId: 't-1' }, { name: 't-1' }],
    [{ kind: 'resources', uris: ['a://1', 'a://2'] }, { names: ['a://1', 'a://2'] }],
  ])('names what $kind it was about', (target, members) => {
    const message: Message = { kind: 'single', era: 'modern', entry: { kind: 'request', id: 'x', method: 'ping', target } };
    expect(render(anExchange({ message }))['mcp']).toEqual({ era: 'modern', method: 'ping', rpcId: 'x', ...members });
  });

  test('a batch lists what it held', () => {
    const entries: Entry[] = [
      { kind: 'request', id: 1, method: 'tools/call', target: { kind: 'tool', name: 'echo' } },
      { kind: 'notification', method: 'notifications/initialized', target: { kind: 'none' } },
      { kind: 'response', id: 2 },
    ];
    const record = render(anExchange({ message: { kind: 'batch', era: 'legacy', entries } }));
    expect(record).toMatchObject({
      event: 'batch',
      mcp: { era: 'legacy', batch: 3, calls: ['tools/call echo', 'notifications/initialized', 'response'] },
    });
  });

  test.each(PHASES)('a stream in phase %s has an event of its own', (phase) => {
    const suffix = phase === 'request' ? '' : `.${phase}`;
    expect(render(anExchange({ message: { kind: 'stream', era: 'legacy' } }), phase)['event']).toBe(`stream${suffix}`);
    expect(render(anExchange(), phase)['event']).toBe(`tools/call${suffix}`);
  });

  test('a session id that a caller forgot to shorten is not written', () => {
    const raw = '1868a90c-e0c7-4b1c-canary';
    const record = JSON.stringify(render(anExchange({ sessionId: raw })));
    expect(record).not.toContain('canary');
    expect(render(anExchange({ sessionId: '0123456789abcdef' }))['mcp']).toMatchObject({ session: '0123456789abcdef' });
  });

  test('numbers that JSON does not have become null', () => {
    expect(render(anExchange({ bytesIn: Number.NaN, startedMonotonicMs: -Infinity }))['http']).toMatchObject({ bytesIn: null, latencyMs: null });
  });

  test('the same principal is written the same way again, another one differently', () => {
    const renderer = createRecordRenderer();
    const alice = anExchange();
    const bob = anExchange({ principal: aPrincipal({ subject: 'bob' }) });
    const texts = [alice, bob, alice].map((exchange) => renderer(exchange, 'request', 1));
    expect(texts[0]).toBe(texts[2]);
    expect(texts[1]).toContain('|bob"');
  });
});

/** Everything a stranger or a neighbour chooses the text of, filled with `text`. */
function filledWith(text: string, groups: readonly string[] = [text]): Partial<Exchange> {
  return {
    peer: text,
    httpMethod: text,
    userAgent: text,
    clientRequestId: text,
    traceId: text,
    sessionId: text,
    revision: text,
    permitRule: text,
    upstreamCredentials: [text, text, text, text],
    server: { namespace: text, name: text, uid: text, generation: 1 },
    message: {
      kind: 'single',
      era: 'legacy',
      entry: { kind: 'request', id: text, method: text, target: { kind: 'resources', uris: Array.from({ length: 20 }, () => text) } },
    },
    principal: aPrincipal({
      issuer: text,
      subject: text,
      identity: { user: text, groups, roles: [text], attributes: { [text]: text } },
      credential: { uid: text, name: text, generation: text, expiresAtMs: 1 },
    }),
  };
}

const HOSTILE = ['\r\n{"v":1}', '\u001b[2J', '\u009b31m', '\u2028', '\u2029', '\u202e', '\0', '"', '\\', '\u{1f600}', '\ud800', 'é'];
const hostile = fc.array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary' })), { maxLength: 40 }).map((parts) => parts.join(''));
const anyDenial = fc.option(fc.tuple(fc.constantFrom(...DENIAL_CODES), hostile), { nil: undefined });

describe('a line', () => {
  test('L1: is one line of printable ASCII that parses, whatever strangers send', () => {
    fc.assert(
      fc.property(hostile, fc.array(hostile, { maxLength: 50 }), anyDenial, fc.constantFrom(...PHASES), (text, groups, denied, phase) => {
        const denial = denied === undefined ? undefined : aDenial(denied[0], denied[1]);
        const line = lineOf(anExchange({ ...filledWith(text, groups), denial }), phase);
        expect(line).toMatch(/^[\x20-\x7e]+\n$/);
        expect(() => JSON.parse(line)).not.toThrow();
      }),
    );
  });

  test.each(['a', '\u2028', '"', '\u{1f600}', '\n'])('L2: is shorter than 8 KiB with 1 MB of %j in every place', (unit) => {
    const text = unit.repeat(1_000_000);
    const groups = Array.from({ length: 10 }, () => text);
    for (const phase of PHASES) {
      const line = lineOf(anExchange({ ...filledWith(text, groups), denial: aDenial('ERR_INTERNAL', text) }), phase);
      expect(line.length).toBeLessThan(MAX_LINE_BYTES);
      expect(line).toContain('...[+');
    }
  });

  test('is shorter than 8 KiB for any exchange', () => {
    const long = fc.tuple(hostile, fc.integer({ min: 1, max: 400 })).map(([text, times]) => text.repeat(times));
    fc.assert(
      fc.property(long, fc.array(long, { maxLength: 20 }), (text, groups) => {
        const entries: Entry[] = groups.map((method) => ({ kind: 'request', id: text, method, target: { kind: 'tool', name: text } }));
        const batch: Message = { kind: 'batch', era: 'legacy', entries: [...entries, { kind: 'response', id: 1 }] };
        expect(lineOf(anExchange(filledWith(text, groups))).length).toBeLessThan(MAX_LINE_BYTES);
        expect(lineOf(anExchange({ ...filledWith(text, groups), message: batch })).length).toBeLessThan(MAX_LINE_BYTES);
      }),
    );
  });
});

describe('canaries', () => {
  const token = `mgt_Ab3dEf9h_${'canary'.repeat(7)}c_Zz19aB`;

  test('M1: a gateway token in any place a stranger can write to is masked', () => {
    const line = lineOf(anExchange({ ...filledWith(`x ${token}`, [token]), denial: aDenial('ERR_INTERNAL', token) }));
    expect(line).not.toContain('canary');
  });

  test('M1: the cause and the public text of a denial are not on record', () => {
    const cause = new Error('canary-cause', { cause: { authorization: 'canary-header' } });
    const denial = Object.assign(aDenial('ERR_INTERNAL'), { message: 'canary-text', detail: { cause, rpcData: { argument: 'canary-data' } } });
    expect(lineOf(anExchange({ denial }))).not.toContain('canary');
  });

  test('M2: a member that no record names is not written, wherever it sits', () => {
    const extra = { authorization: 'canary-1', cookie: 'canary-2', arguments: { password: 'canary-3' }, body: Buffer.from('canary-4') };
    const principal = aPrincipal({
      identity: { user: 'alice', email: 'canary-5', displayName: 'canary-6', groups: [], roles: ['canary-7'], attributes: { k: 'canary-8' } },
    });
    const exchange = anExchange({
      principal: Object.assign(principal, extra, { credential: { ...principal.credential, ...extra } }),
      server: { ...SERVER, ...extra },
    });
    const message = aCall();
    Object.assign(exchange, extra, { message: { ...message, ...extra, entry: { ...(message.kind === 'single' ? message.entry : {}), ...extra } } });
    for (const phase of PHASES) expect(lineOf(exchange, phase)).not.toContain('canary');
  });

  test('M2: values of another type than promised are not walked into', () => {
    const values: readonly unknown[] = [{ secret: 'canary' }, ['canary'], Buffer.from('canary'), new Map([['canary', 'canary']]), { toString: () => 'canary', toJSON: () => 'canary' }];
    for (const value of values) {
      const wrong = value as never;
      const places = ['peer', 'httpMethod', 'userAgent', 'clientRequestId', 'revision', 'permitRule'].map((place) => [place, wrong]);
      const entry: Entry = { kind: 'request', id: wrong, method: wrong, target: { kind: 'tool', name: wrong } };
      const message: Message = { kind: 'single', era: 'legacy', entry };
      const filled = { ...filledWith('x', [wrong]), ...Object.fromEntries(places), message, upstreamCredentials: [wrong] };
      const line = lineOf(anExchange(filled));
      expect(line).not.toContain('canary');
      expect(() => JSON.parse(line)).not.toThrow();
    }
  });
});
