import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Denial } from '../../../../core/denial.ts';
import type { RpcId } from '../../../../core/denial.ts';
import type { Era, ListKind } from '../../../../core/mcp/message.ts';
import { createEventStreamFilter, createJsonBodyFilter, filterMessageText } from '../../../../sidecar/proxy/list-filter.ts';
import type { AnswerFilter, ListPlan } from '../../../../sidecar/proxy/list-filter.ts';

const BY_SHAPE: ListPlan = { kind: 'by-shape' };
const byId = (...lists: [RpcId, ListKind][]): ListPlan => ({ kind: 'by-id', lists: new Map(lists) });

/** Shows what is not named `secret…`; anything without a name is hidden. */
function isListed(kind: ListKind, entry: unknown): boolean {
  if (typeof entry !== 'object' || entry === null) return false;
  const key = kind === 'resources' ? 'uri' : kind === 'resourceTemplates' ? 'uriTemplate' : 'name';
  const name: unknown = Object.hasOwn(entry, key) ? Object.entries(entry).find(([each]) => each === key)?.[1] : undefined;
  return typeof name === 'string' && !name.startsWith('secret');
}

const filtered = (text: string, plan: ListPlan = BY_SHAPE, era: Era = 'legacy'): string | undefined => filterMessageText(text, { plan, isListed, era });
const REFUSED = expect.objectContaining({ name: 'Denial', code: 'ERR_UPSTREAM_RESPONSE_INVALID', message: 'The server behind the gateway sent an invalid answer.' });

describe('a list answer', () => {
  test('loses what is not listed and keeps every other byte, also integers that JSON.parse would round', () => {
    const kept = '{ "name" : "open", "inputSchema":{"maximum":9007199254740993,"x":1e400,"t":"\\u0041"} }';
    const text = `{"jsonrpc":"2.0", "id":12345678901234567890,"result":{"tools":[{"name":"secret-a"}, ${kept} ,{"name":"secret-b"}],"nextCursor":"c"}}`;
    expect(filtered(text)).toBe(`{"jsonrpc":"2.0", "id":12345678901234567890,"result":{"tools":[${kept}],"nextCursor":"c"}}`);
  });

  test.each([
    ['tools', '{"name":"open"}', '{"name":"secret"}'],
    ['prompts', '{"name":"open"}', '{"name":"secret"}'],
    ['resources', '{"uri":"open://a","name":"secret"}', '{"uri":"secret://a","name":"open"}'],
    ['resourceTemplates', '{"uriTemplate":"open://{a}"}', '{"uriTemplate":"secret://{a}"}'],
  ])('of %s is judged by its own member', (member, open, hidden) => {
    expect(filtered(`{"id":1,"result":{"${member}":[${hidden},${open}]}}`)).toBe(`{"id":1,"result":{"${member}":[${open}]}}`);
    expect(filtered(`{"id":1,"result":{"${member}":[${hidden}]}}`)).toBe(`{"id":1,"result":{"${member}":[]}}`);
    expect(filtered(`{"id":1,"result":{"${member}":[${open}]}}`)).toBeUndefined();
    expect(filtered(`{"id":1,"result":{"\\u00${member.charCodeAt(0).toString(16)}${member.slice(1)}":[${hidden}]}}`)).toContain('[]');
  });

  test('hides entries of a shape that is not known', () => {
    expect(filtered('{"result":{"tools":[null,1,"open",[],[{"name":"open"}],{},{"Name":"open"},{"name":1}]}}')).toBe('{"result":{"tools":[]}}');
  });

  test('may hold several lists, and be one of several answers', () => {
    const text = '[{"id":1,"result":{"tools":[{"name":"secret"}],"prompts":[{"name":"secret"},{"name":"p"}]}},{"id":2,"result":{"tools":[{"name":"secret"}]}},{"method":"x"}]';
    expect(filtered(text)).toBe('[{"id":1,"result":{"tools":[],"prompts":[{"name":"p"}]}},{"id":2,"result":{"tools":[]}},{"method":"x"}]');
  });

  test.each([
    '{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"tools","data":{"tools":[{"name":"secret"}]}}}',
    '{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"tools":[{"name":"secret"}]}}',
    '{"jsonrpc":"2.0","method":"notifications/message","params":{"data":9007199254740993}}',
    '{"id":1,"result":{"content":[{"type":"text","text":"secret"}],"structuredContent":{"tools":[{"name":"secret"}]}}}',
    '{"id":1,"result":{"contents":[{"uri":"secret://a"}]}}',
    '{"id":1,"result":{"completion":{"values":["secret"]}}}',
    '{"id":1,"result":{"capabilities":{"tools":{"listChanged":true},"resources":{}},"serverInfo":{"name":"secret"}}}',
    '{"id":1,"result":{"tools":null}}',
    '{"id":1,"result":null}',
    '{"id":1,"result":"pong"}',
  ])('is not seen in %s', (text) => {
    expect(filtered(text)).toBeUndefined();
    expect(filtered(text, BY_SHAPE, 'modern')).toBe(text.includes('"tools":null') ? '{"id":1,"result":{"cacheScope":"private","tools":null}}' : undefined);
  });

  test.each([
    ['no JSON', 'tools'],
    ['nothing', ''],
    ['two documents', '{"result":{"tools":[]}}\n{"result":{"tools":[{"name":"secret"}]}}'],
    ['a comment', '{"result":{"tools":[]}}//'],
    ['half a document', '{"result":{"tools":[{"name":"secret"}'],
    ['a byte order mark', '\ufeff{"result":{}}'],
    ['a scalar', '"x"'],
    ['nested batches', '[[{"result":{"tools":[{"name":"secret"}]}}]]'],
    ['a batch with a scalar', '[1]'],
    ['two results', '{"result":{"tools":[]},"result":{"tools":[{"name":"secret"}]}}'],
    ['two results, one escaped', '{"result":{"tools":[{"name":"secret"}]},"\\u0072esult":{"tools":[]}}'],
    ['two lists', '{"result":{"tools":[{"name":"secret"}],"tools":[]}}'],
    ['a result in another case', '{"Result":{"tools":[{"name":"secret"}]}}'],
    ['a list in another case', '{"result":{"TOOLS":[{"name":"secret"}]}}'],
    ['a list with a long s', '{"result":{"tool\u017f":[{"name":"secret"}]}}'],
    ['a list beside one in another case', '{"result":{"tools":[],"Tools":[{"name":"secret"}]}}'],
    ['an entry with two names', '{"result":{"tools":[{"name":"secret","name":"open"}]}}'],
    ['an entry with a second name in another case', '{"result":{"tools":[{"name":"open","Name":"secret"}]}}'],
    ['a list that is an object', '{"result":{"tools":{"a":{"name":"secret"}}}}'],
    ['a result that is an array', '{"result":[{"name":"secret"}]}'],
  ])('is refused where it is %s', (_name, text) => {
    expect(() => filtered(text)).toThrow(REFUSED);
    expect(() => filtered(text, byId([1, 'tools']))).toThrow(REFUSED);
  });

  test.each([
    '{"id":1,"result":{}}', '{"id":1,"result":{"items":[{"name":"secret"}]}}', '{"id":1,"result":null}', '{"id":1,"result":"x"}',
    '{"id":1,"result":{"prompts":[]}}', '{"id":1,"result":{"resultType":"complete"}}', '{"id":1,"result":{"resultType":null}}',
  ])('must hold the list that was asked for: %s', (text) => {
    expect(() => filtered(text, byId([1, 'tools']))).toThrow(REFUSED);
    expect(() => filtered(text, byId(['1', 'tools']))).not.toThrow();
    expect(() => filtered(text.replace('"id":1', '"id":"1"'), byId([1, 'tools']))).not.toThrow();
    expect(() => filtered(text.replace('"id":1', '"id":1.0'), byId([1, 'tools']))).toThrow(REFUSED);
  });

  test('may ask for something first', () => {
    expect(filtered('{"id":1,"result":{"resultType":"input_required","inputRequests":{}}}', byId([1, 'tools']), 'modern')).toBeUndefined();
    expect(filtered('{"id":1,"error":{"code":-32601,"message":"no"}}', byId([1, 'tools']))).toBeUndefined();
  });

  test.each(['2', '"1"', 'null', '{}'])('to the unknown id %s is filtered by its shape', (id) => {
    const text = `{"id":${id},"result":{"tools":[{"name":"secret"}]}}`;
    expect(filtered(text, byId([1, 'prompts']))).toBe(`{"id":${id},"result":{"tools":[]}}`);
  });

  test.each([
    ['{"id":1,"result":{"tools":[],"cacheScope":"public","ttlMs":5}}', '{"id":1,"result":{"tools":[],"cacheScope":"private","ttlMs":5}}'],
    ['{"id":1,"result":{"tools":[{"name":"a"}]}}', '{"id":1,"result":{"cacheScope":"private","tools":[{"name":"a"}]}}'],
    ['{"id":1,"result":{ "cacheScope" : {"a":1} ,"tools":[{"name":"secret"}]}}', '{"id":1,"result":{ "cacheScope" : "private" ,"tools":[]}}'],
    ['{"id":1,"result":{"tools":[{"name":"secret"}],"prompts":[]}}', '{"id":1,"result":{"cacheScope":"private","tools":[],"prompts":[]}}'],
    ['{"id":1,"result":{"cacheScope":"private","tools":[]}}', undefined],
  ])('G21 says in the modern era that it is private: %s', (text, expected) => {
    expect(filtered(text, byId([1, 'tools']), 'modern')).toBe(expected);
  });

  test('G21 refuses two cache scopes', () => {
    const texts = ['"cacheScope":"private","cacheScope":"public"', '"CacheScope":"public"', '"cacheScope":"private","cachescope":"public"'];
    for (const text of texts) expect(() => filtered(`{"id":1,"result":{"tools":[],${text}}}`, BY_SHAPE, 'modern')).toThrow(REFUSED);
  });
});

function run(filter: AnswerFilter, bytes: Buffer, cuts: readonly number[]): Buffer {
  const out: Buffer[] = [];
  let from = 0;
  for (const end of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    out.push(...filter.push(bytes.subarray(from, end)));
    from = end;
  }
  return Buffer.concat([...out, ...filter.end()]);
}

describe('a JSON body', () => {
  const BODY = Buffer.from('{"id":1,"result":{"tools":[{"name":"zoë😀"},{"name":"secret"}]}}');

  test('is the same wherever it is cut', () => {
    const expected = '{"id":1,"result":{"tools":[{"name":"zoë😀"}]}}';
    for (let cut = 0; cut <= BODY.length; cut += 1) {
      expect(run(createJsonBodyFilter(byId([1, 'tools']), isListed, 'legacy'), BODY, [cut]).toString()).toBe(expected);
    }
  });

  test('is not passed on before it has been judged, and stays empty where it is empty', () => {
    const filter = createJsonBodyFilter(BY_SHAPE, isListed, 'legacy');
    expect(filter.push(BODY)).toEqual([]);
    expect(createJsonBodyFilter(BY_SHAPE, isListed, 'legacy').end()).toEqual([]);
  });

  test('keeps its very bytes where nothing is hidden', () => {
    const body = Buffer.from(' {"id":1, "result":{"tools":[ {"name":"a"} ]}}\n');
    expect(run(createJsonBodyFilter(byId([1, 'tools']), isListed, 'legacy'), body, [])).toEqual(body);
  });

  test('is refused where it is not UTF-8, or too large', () => {
    const invalid = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(() => run(createJsonBodyFilter(BY_SHAPE, isListed, 'legacy'), invalid, [])).toThrow(REFUSED);
    const filter = createJsonBodyFilter(BY_SHAPE, isListed, 'legacy');
    const chunk = Buffer.alloc(1024 * 1024, 0x20);
    for (let i = 0; i < 16; i += 1) filter.push(chunk);
    expect(() => filter.push(chunk)).toThrow(REFUSED);
  });
});

describe('an event stream', () => {
  const stream = (text: string, cuts: readonly number[] = [], era: Era = 'legacy'): string =>
    run(createEventStreamFilter(BY_SHAPE, isListed, era), Buffer.from(text), cuts).toString();

  // The five leaks of toolhive#6088: each form must be filtered, wherever the stream is cut.
  test.each([
    ['LF', 'id: 1\ndata: {"id":1,"result":{"tools":[{"name":"secret"}]}}\n\n', 'id: 1\ndata: {"id":1,"result":{"tools":[]}}\n\n'],
    ['CRLF', 'event: message\r\ndata: {"result":{"tools":[{"name":"secret"},{"name":"zoë😀"}]}}\r\n\r\n', 'event: message\r\ndata: {"result":{"tools":[{"name":"zoë😀"}]}}\r\n\r\n'],
    ['CR', 'data: {"result":{"tools":[{"name":"secret"}]}}\r\rdata: {"a":1}\r\r', 'data: {"result":{"tools":[]}}\r\rdata: {"a":1}\r\r'],
    ['several data lines', 'data: {"result":{"tools":[\ndata:   {"name":\n: note\ndata: "open"},{"name":"secret"}\ndata: ]}}\nid: 2\n\n', 'data: {"result":{"tools":[{"name":\ndata: "open"}]}}\n: note\nid: 2\n\n'],
    ['a byte order mark', '\ufeffdata: {"result":{"tools":[{"name":"secret"}]}}\n\n', 'data: {"result":{"tools":[]}}\n\n'],
    ['a field without a space', 'data:{"result":{"tools":[{"name":"secret"}]}}\n\n', 'data: {"result":{"tools":[]}}\n\n'],
    ['an event without its blank line', 'data: {"result":{"tools":[{"name":"secret"}]}}', 'data: {"result":{"tools":[]}}'],
    ['JSON outside of any field', '{"result":{"tools":[{"name":"secret"}]}}\n\n', '\n'],
    ['JSON outside of any field, unfinished', '{"result":{"tools":[{"name":"secret"}]}}', ''],
    ['another event type', 'event: other\ndata: {"result":{"tools":[{"name":"secret"}]}}\n\n', 'event: other\ndata: {"result":{"tools":[]}}\n\n'],
  ])('hides what is not listed in %s', (_name, text, expected) => {
    const { length } = Buffer.from(text);
    for (let cut = 0; cut <= length; cut += 1) {
      for (const cuts of [[cut], [cut, Math.min(cut + 1, length)]]) expect([cuts, stream(text, cuts)]).toEqual([cuts, expected]);
    }
    expect(stream(text, Array.from({ length }, (_, i) => i))).toBe(expected);
  });

  test.each([
    ['two messages in one event', 'data: {"result":{"tools":[]}}\ndata: {"result":{"tools":[{"name":"secret"}]}}\n\n'],
    ['data that is no JSON', 'data: secret\n\n'],
    ['data cut off by the end', 'data: {"result":{"tools":[{"name":"secret"}\n'],
  ])('refuses %s wherever it is cut, and lets nothing of it through', (_name, text) => {
    for (let cut = 0; cut <= text.length; cut += 1) {
      const filter = createEventStreamFilter(BY_SHAPE, isListed, 'legacy');
      const out: Buffer[] = [];
      expect(() => {
        for (const part of [text.slice(0, cut), text.slice(cut)]) out.push(...filter.push(Buffer.from(part)));
        out.push(...filter.end());
      }).toThrow(REFUSED);
      expect(Buffer.concat(out).toString()).toBe('');
    }
  });

  test('passes on, byte for byte and at once, what holds no list', () => {
    const events = [': ping\n\n', 'id: 0\ndata: \n\n', 'retry: 5\r\n\r\n', 'event: message\ndata: {"method":"notifications/x","params":{"n":9007199254740993}}\n\n'];
    const filter = createEventStreamFilter(byId([1, 'tools']), isListed, 'legacy');
    for (const event of events) expect(Buffer.concat([...filter.push(Buffer.from(event))]).toString()).toBe(event);
    expect(filter.end()).toEqual([]);
  });

  test('G21 says in the modern era that its lists are private', () => {
    expect(stream('data: {"id":1,"result":{"cacheScope":"public","tools":[{"name":"a"}]}}\n\n', [], 'modern')).toBe(
      'data: {"id":1,"result":{"cacheScope":"private","tools":[{"name":"a"}]}}\n\n',
    );
  });

  test('I9 refuses an event without an end', () => {
    const filter = createEventStreamFilter(BY_SHAPE, isListed, 'legacy');
    const chunk = Buffer.alloc(1024 * 1024, 0x61);
    expect(() => {
      for (let i = 0; i < 17; i += 1) filter.push(chunk);
    }).toThrow(Denial);
  });
});

describe('whatever a list holds', () => {
  const entry = fc.oneof(
    fc.record({ name: fc.constantFrom('open', 'secret', 'secret-b', 'a"]}', '\u2028'), extra: fc.jsonValue() }),
    fc.jsonValue(),
  );
  const listText = fc.tuple(fc.array(entry, { maxLength: 6 }), fc.constantFrom<string | undefined>(undefined, ' ', '\t'));

  test('nothing passes for which the caller is not listed, and what passes keeps its bytes', () => {
    fc.assert(
      fc.property(listText, fc.constantFrom<Era>('legacy', 'modern'), ([entries, space], era) => {
        const parts = entries.map((each) => JSON.stringify(each, undefined, space));
        const text = `{"id":1,"result":{"tools":[${parts.join(' , ')}]}}`;
        let answer: string;
        try {
          answer = filtered(text, byId([1, 'tools']), era) ?? text;
        } catch (cause) {
          expect(cause).toEqual(REFUSED);
          return;
        }
        const kept = parts.filter((part) => isListed('tools', JSON.parse(part)));
        const joint = kept.length === parts.length ? ' , ' : ',';
        expect(answer).toBe(`{"id":1,"result":{${era === 'modern' ? '"cacheScope":"private",' : ''}"tools":[${kept.join(joint)}]}}`);
      }),
    );
  });

  test('a stream cut anywhere gives the same bytes', () => {
    const end = fc.constantFrom('\n', '\r', '\r\n');
    const event = fc.tuple(listText, end, fc.constantFrom('', 'id: 7', ': c', 'event: message')).map(([[entries, space], eol, first]) => {
      const data = JSON.stringify({ id: 1, result: { prompts: entries } }, undefined, space).split('\n').map((line) => `data: ${line}`);
      return [...(first === '' ? [] : [first]), ...data, '', ''].join(eol);
    });
    const filter = (bytes: Buffer, cuts: readonly number[]): string => {
      try {
        return run(createEventStreamFilter(BY_SHAPE, isListed, 'legacy'), bytes, cuts).toString();
      } catch (cause) {
        expect(cause).toEqual(REFUSED);
        return 'refused';
      }
    };
    fc.assert(
      fc.property(fc.array(event, { maxLength: 3 }), fc.array(fc.nat(400), { maxLength: 6 }), (events, at) => {
        const bytes = Buffer.from(events.join(''));
        expect(filter(bytes, at.filter((cut) => cut <= bytes.length))).toBe(filter(bytes, []));
      }),
    );
  });
});
