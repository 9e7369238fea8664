import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createBoundaryTracker, createEventSplitter, terminatorLength } from '../../../../sidecar/proxy/event-stream.ts';

function splitAt(bytes: Buffer, cuts: readonly number[], maxEventBytes = 1024): { events: string[]; rest: string } {
  const splitter = createEventSplitter({ maxEventBytes });
  const events: string[] = [];
  const ends = [...new Set(cuts)].filter((cut) => cut < bytes.length).toSorted((a, b) => a - b);
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    events.push(...splitter.push(bytes.subarray(from, end)).map((event) => event.toString('latin1')));
    from = end;
  }
  return { events, rest: splitter.rest().toString('latin1') };
}

const whole = (text: string): { events: string[]; rest: string } => splitAt(Buffer.from(text, 'latin1'), []);
const MARK = '\u00ef\u00bb\u00bf';

describe('splitting a stream into events', () => {
  test.each([
    ['LF', 'data: a\n\ndata: b\n\n', ['data: a\n\n', 'data: b\n\n'], ''],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['data: a\r\n\r\n', 'data: b\r\n\r\n'], ''],
    ['CR', 'data: a\r\rdata: b\r\r', ['data: a\r\r', 'data: b\r\r'], ''],
    ['mixed line ends', 'data: a\r\n\ndata: b\n\rdata: c\r\r\n', ['data: a\r\n\n', 'data: b\n\r', 'data: c\r\r\n'], ''],
    ['several lines', 'event: message\nid: 1\ndata: a\ndata: b\n\n', ['event: message\nid: 1\ndata: a\ndata: b\n\n'], ''],
    ['comments', ':\n\n: ping\n\n', [':\n\n', ': ping\n\n'], ''],
    ['blank lines', '\n\r\n\r', ['\n', '\r\n', '\r'], ''],
    ['an incomplete event', 'data: a\n\ndata: b\n', ['data: a\n\n'], 'data: b\n'],
    ['a byte order mark', `${MARK}data: a\n\n`, ['data: a\n\n'], ''],
    ['a second mark, which is text', `${MARK}${MARK}data: a\n\n`, [`${MARK}data: a\n\n`], ''],
    ['half a mark', MARK.slice(0, 2), [], MARK.slice(0, 2)],
    ['nothing', '', [], ''],
  ])('ends events at %s', (_name, text, events, rest) => {
    expect(whole(text)).toEqual({ events, rest });
  });

  test('gives an event as soon as its CR is there, and passes the LF of a cut CRLF on its own', () => {
    expect(splitAt(Buffer.from('data: a\r\n\r\ndata: b\r\n\r\n'), [10])).toEqual({
      events: ['data: a\r\n\r', '\n', 'data: b\r\n\r\n'], rest: '',
    });
  });

  test('neither loses, adds nor moves a byte or a boundary, however the stream is cut', () => {
    const piece = fc.constantFrom('\n', '\r', '\r\n', 'data: x', 'id: 1', ':', 'a', MARK, 'event: message\n', '\n\n');
    const stream = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''));
    const cuts = fc.array(fc.nat(80), { maxLength: 10 });
    fc.assert(
      fc.property(stream, cuts, (text, at) => {
        const expected = whole(text);
        const cut = splitAt(Buffer.from(text, 'latin1'), at);
        expect(cut.events.join('') + cut.rest).toBe(text.startsWith(MARK) ? text.slice(3) : text);
        expect(cut.rest).toBe(expected.rest);
        const glued = cut.events.reduce<string[]>((all, event) => {
          if (event === '\n' && all.at(-1)?.endsWith('\r') === true && !expected.events.includes(all.at(-1) ?? '')) {
            return [...all.slice(0, -1), `${all.at(-1)}\n`];
          }
          return [...all, event];
        }, []);
        expect(glued.filter((event) => event.trim() !== '')).toEqual(expected.events.filter((event) => event.trim() !== ''));
      }),
      { numRuns: 500 },
    );
  });

  test('I9 refuses an event beyond the bound, however it arrives', () => {
    const refused = expect.objectContaining({ name: 'Denial', code: 'ERR_UPSTREAM_RESPONSE_INVALID', message: 'The server behind the gateway sent an event that is too large.' });
    const line = `data: ${'x'.repeat(100)}\n\n`;
    expect(() => splitAt(Buffer.from(line), [], 100)).toThrow(refused);
    expect(() => splitAt(Buffer.from(line), Array.from({ length: 108 }, (_, i) => i), 100)).toThrow(refused);
    expect(() => splitAt(Buffer.from(`data: ${'x'.repeat(200)}`), [50, 100], 100)).toThrow(refused);
    expect(splitAt(Buffer.from('data: x\n\n'.repeat(50)), [], 100).events).toHaveLength(50);
  });
});

describe('finding a place for a comment', () => {
  test.each([
    ['', true], ['\n', true], ['data: a\n\n', true], ['data: a\r\n\r\n', true], ['data: a\r\r', true], ['data: a\r\n\r', true],
    ['data: a\n\r', true], ['data: a\n\r\n', true], [':\n\n', true], ['data: a', false], ['data: a\n', false], ['data: a\r\n', false],
    ['data: a\r', false], ['d', false], ['data: a\n\ndata: b', false], ['data: a\n\nd\n', false], ['data: a\n\n:\r\n', false],
  ])('says of %j that it ends at a boundary: %s', (text, expected) => {
    for (let cut = 0; cut <= text.length; cut += 1) {
      const tracker = createBoundaryTracker();
      tracker.push(Buffer.from(text.slice(0, cut)));
      tracker.push(Buffer.from(text.slice(cut)));
      expect(tracker.atBoundary()).toBe(expected);
    }
  });

  test('agrees with the splitter: what is at a boundary leaves no rest', () => {
    const stream = fc.array(fc.constantFrom('\n', '\r', '\r\n', 'data: x', ':'), { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(stream, (text) => {
        const tracker = createBoundaryTracker();
        for (const byte of Buffer.from(text)) tracker.push(Buffer.from([byte]));
        expect(tracker.atBoundary()).toBe(whole(text).rest === '');
      }),
    );
  });
});

test.each([['a\r\n', 2], ['a\n', 1], ['a\r', 1], ['a', 0], ['', 0], ['\n', 1]])('%j has a line end of %i bytes', (text, length) => {
  expect(terminatorLength(Buffer.from(text))).toBe(length);
});
