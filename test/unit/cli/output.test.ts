import { expect, test } from '@jest/globals';
import { printable, printFields, printJson, printTable } from '../../../cli/output.ts';

function anIo(): { io: Parameters<typeof printJson>[0]; text: () => string } {
  let text = '';
  const io = {
    out: (part: string) => {
      text += part;
    },
    err: () => {},
    readStdin: async () => '',
    nowMs: () => 0,
    randomBytes: (length: number) => new Uint8Array(length),
    sleep: async () => {},
  };
  return { io, text: () => text };
}

test('a table has columns as wide as their widest cell, and `-` for nothing', () => {
  const { io, text } = anIo();
  printTable(io, ['NAME', 'X'], [['a-long-name', ''], ['b', 'y']]);
  expect(text()).toBe('NAME          X\na-long-name   -\nb             y\n');
});

test('fields without a value are left out', () => {
  const { io, text } = anIo();
  printFields(io, [['user', 'alice'], ['email', undefined], ['name', '']]);
  expect(text()).toBe('user: alice\n');
});

test('JSON ends in a newline', () => {
  const { io, text } = anIo();
  printJson(io, { a: 1 });
  expect(text()).toBe('{\n  "a": 1\n}\n');
});

test('controls, also those of direction, cannot reach the terminal', () => {
  expect(printable('a\u001b[31mb\nc\u202ed')).toBe('a\\u{1b}[31mb\\u{a}c\\u{202e}d');
});
