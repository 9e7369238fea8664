import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createLineSplitter, LineTooLongError } from '../../../../sidecar/snapshot/json-lines.ts';

test('gives the same lines however the bytes are cut', () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', ' '))), fc.array(fc.integer({ min: 1, max: 5 })), (lines, cuts) => {
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const splitter = createLineSplitter(10_000);
    const found: string[] = [];
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const length = cuts[turn % Math.max(cuts.length, 1)] ?? 3;
      found.push(...splitter.push(bytes.subarray(at, at + length)));
      at += length;
    }
    expect(found).toEqual(lines.map((line) => line.toWellFormed()));
  }));
});

test('stops at a line above the bound, also one that never ends', () => {
  const splitter = createLineSplitter(8);
  expect(splitter.push(Buffer.from('12345678\n1234'))).toEqual(['12345678']);
  expect(() => splitter.push(Buffer.from('56789'))).toThrow(LineTooLongError);
});
