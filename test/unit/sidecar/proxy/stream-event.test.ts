import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeUtf8, parseEvent } from '../../../../sidecar/proxy/stream-event.ts';

const event = (text: string): ReturnType<typeof parseEvent> => parseEvent(Buffer.from(text));
const rendered = (text: string, data: string | undefined): string => event(text).render(data).toString();

describe('the data of an event', () => {
  test.each([
    ['data: a\n\n', 'a'],
    ['data:a\n\n', 'a'],
    ['data:  a \n\n', ' a '],
    ['data: a\ndata: b\n\n', 'a\nb'],
    ['data: a\r\nid: 1\r\ndata: b\r\n\r\n', 'a\nb'],
    ['data: a\rdata\rdata:\r\r', 'a\n\n'],
    ['data: {"a":1}', '{"a":1}'],
    ['data\n\n', ''],
    ['data: \n\n', ''],
    ['data: a\u2028b\u0085\n\n', 'a\u2028b\u0085'],
    ['Data: a\n\n', undefined],
    [' data: a\n\n', undefined],
    [': data: a\n\n', undefined],
    ['id: 1\n\n', undefined],
    ['\n', undefined],
  ])('of %j is %j', (text, data) => {
    expect(event(text).data).toBe(data);
  });

  test('is refused where it is not UTF-8', () => {
    const refused = expect.objectContaining({ name: 'Denial', code: 'ERR_UPSTREAM_RESPONSE_INVALID', message: 'The server behind the gateway sent an invalid answer.' });
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      expect(() => parseEvent(Buffer.concat([Buffer.from('data: '), Buffer.from(bytes), Buffer.from('\n\n')]))).toThrow(refused);
      expect(() => decodeUtf8(Buffer.from(bytes))).toThrow(refused);
    }
  });

  test('keeps a byte order mark that is part of the text', () => {
    expect(decodeUtf8(Buffer.from('\ufeffa'))).toBe('\ufeffa');
  });
});

describe('an event with other data', () => {
  test('keeps event, id, retry and comments byte for byte and in order', () => {
    const text = 'event:message\r\n: note\r\nid: 7 \r\ndata: old\r\nretry:10\r\ndata: more\r\n:\r\n\r\n';
    expect(rendered(text, 'a\nb')).toBe('event:message\r\n: note\r\nid: 7 \r\ndata: a\r\ndata: b\r\nretry:10\r\n:\r\n\r\n');
  });

  test.each(['{"jsonrpc":"2.0"}\n\n', 'Data: x\n\n', ' data: x\n\n', 'datax: x\n\n', '\ufeffdata: x\n\n', 'foo\n\n'])(
    'leaves out the unknown field %j, which a lenient client might read as a message',
    (text) => {
      expect(event(text).hasUnknownFields).toBe(true);
      expect(rendered(`id: 1\n${text}`, undefined)).toBe('id: 1\n\n');
    },
  );

  test('says of an event in known fields that it has no other', () => {
    expect(event('event: a\nid: 1\nretry: 1\n: c\ndata: d\ndata\nid\n\n').hasUnknownFields).toBe(false);
  });

  test('carries any text back', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((each) => !/[\r\ud800-\udfff]/u.test(each));
    const source = fc.constantFrom('data: x\n\n', 'id: 1\rdata\r\r', 'data: a\r\ndata: b\r\nevent: e\r\n\r\n');
    fc.assert(
      fc.property(source, text, (raw, data) => {
        expect(parseEvent(event(raw).render(data)).data).toBe(data);
      }),
    );
  });

  test('with its own data says the same', () => {
    const line = fc.constantFrom('data: x', 'data', 'id: 1', ': c', 'event: e', 'data:  y', 'other: z');
    const raw = fc.tuple(fc.array(line, { maxLength: 6 }), fc.constantFrom('\n', '\r', '\r\n')).map(([lines, end]) => [...lines, ''].map((each) => each + end).join(''));
    fc.assert(
      fc.property(raw, (text) => {
        const before = event(text);
        const after = parseEvent(before.render(before.data));
        expect(after.data).toBe(before.data);
        expect(after.hasUnknownFields).toBe(false);
      }),
    );
  });
});
