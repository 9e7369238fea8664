import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createLogger } from '../../../runtime/log.ts';
import type { LogLevel, Logger } from '../../../runtime/log.ts';

function aLogger(level: LogLevel = 'debug'): { log: Logger; lines: () => string[]; entries: () => Record<string, unknown>[] } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString('utf8');
      done();
    },
  });
  const lines = () => text.split('\n').slice(0, -1);
  return { log: createLogger({ level, stream }), lines, entries: () => lines().map((line) => JSON.parse(line)) };
}

describe('the process log', () => {
  test('writes one JSON line with time, level, message and fields', () => {
    const { log, entries } = aLogger();
    log.info('snapshot applied', { servers: 2, revision: 'abc' });
    expect(entries()).toEqual([
      { ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), level: 'info', message: 'snapshot applied', servers: 2, revision: 'abc' },
    ]);
  });

  test('leaves out what is below its level', () => {
    const { log, entries } = aLogger('warn');
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(entries().map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'c'],
      ['error', 'd'],
    ]);
  });

  test('shows an error with its stack, code and cause', () => {
    const { log, entries } = aLogger();
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    log.error('upstream failed', { error: new TypeError('outer', { cause }) });
    expect(entries()[0]?.['error']).toEqual({
      name: 'TypeError',
      message: 'outer',
      stack: expect.stringContaining('log.test.ts'),
      cause: expect.objectContaining({ message: 'refused', code: 'ECONNREFUSED' }),
    });
  });

  test('survives circular fields, circular causes and big integers', () => {
    const { log, entries } = aLogger();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const error = new Error('loop');
    error.cause = error;
    log.warn('odd', { circle, error, big: 2n ** 70n });
    expect(entries()[0]).toMatchObject({ message: 'odd', circle: { self: '[Circular]' }, big: '1180591620717411303424' });
  });

  test('no field replaces the time, the level or the message', () => {
    const { log, entries } = aLogger();
    log.child({ message: 'bound' }).info('true message', { level: 'error', message: 'forged', ts: 'never' });
    expect(entries()[0]).toMatchObject({ level: 'info', message: 'true message', ts: expect.stringMatching(/^\d{4}-/) });
  });

  test('a child adds its fields to every entry and leaves its parent alone', () => {
    const { log, entries } = aLogger();
    const child = log.child({ server: 'team-a/everything' }).child({ port: 8443 });
    child.info('listening', { port: 9000 });
    log.info('plain');
    expect(entries()[0]).toMatchObject({ server: 'team-a/everything', port: 9000 });
    expect(entries()[1]).not.toHaveProperty('server');
  });

  test('L1: whatever a field holds, an entry is one line of printable ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.anything(), (text, value) => {
        const { log, lines, entries } = aLogger();
        log.info('received', { text: `\u001b[2J\r\n\u2028\u202e\u009b${text}`, value });
        expect(lines()).toHaveLength(1);
        expect(lines()[0]).toMatch(/^[\x20-\x7e]+$/);
        expect(entries()[0]?.['text']).toBe(`\u001b[2J\r\n\u2028\u202e\u009b${text}`);
      }),
    );
  });
});
