import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createChain } from '../../../../sidecar/audit/chain.ts';
import { verifyChain } from '../../../../sidecar/audit/verify.ts';
import { aClock } from './kit.ts';

function aLog(length: number): string[] {
  const chain = createChain(aClock(), { instance: 'pod-1', version: '0.1.0' });
  return Array.from({ length }, (_, index) => chain.append(`"outcome":"denied","note":"n${index}"`).trimEnd());
}

function edited(lines: readonly string[], index: number, from: string | RegExp, to: string): string[] {
  return lines.map((line, at) => (at === index ? line.replace(from, to) : line));
}

describe('the chain of a stored log', () => {
  test('is intact as it was written', () => {
    expect(verifyChain(aLog(20))).toEqual({ state: 'intact', from: 1, to: 20, dropped: 0 });
    expect(verifyChain([])).toEqual({ state: 'intact', from: 0, to: 0, dropped: 0 });
  });

  test('is intact from the first line that was kept', () => {
    expect(verifyChain(aLog(20).slice(7))).toEqual({ state: 'intact', from: 8, to: 20, dropped: 0 });
  });

  test('L4: one stored record tampered with is found and named', () => {
    const lines = aLog(20);
    for (let index = 0; index < 19; index += 1) {
      expect(verifyChain(edited(lines, index, 'denied', 'allowed'))).toEqual({ state: 'tampered', seq: index + 1 });
    }
  });

  test('L4: any edit of any byte but those of the last line is found', () => {
    const lines = aLog(6);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4 }), fc.nat(), fc.constantFrom('x', '7', ' ', '"', '}'), (index, position, character) => {
        const line = lines[index] ?? '';
        const at = position % line.length;
        fc.pre(line[at] !== character);
        const changed = `${line.slice(0, at)}${character}${line.slice(at + 1)}`;
        expect(verifyChain(lines.with(index, changed)).state).not.toBe('intact');
      }),
    );
  });

  test('L4: an edited hash is blamed on the line that holds it', () => {
    expect(verifyChain(edited(aLog(9), 4, /"prev":"[0-9a-f]{8}/, '"prev":"00000000'))).toEqual({ state: 'tampered', seq: 5 });
  });

  test('L4: a removed line is a gap', () => {
    expect(verifyChain(aLog(9).toSpliced(3, 2))).toEqual({ state: 'gap', after: 3, before: 6 });
  });

  test('L4: inserted, repeated and reordered lines are found', () => {
    const lines = aLog(9);
    expect(verifyChain(lines.toSpliced(4, 0, lines[4] ?? ''))).toEqual({ state: 'tampered', seq: 5 });
    expect(verifyChain(lines.toSpliced(4, 0, '{"seq":5,"prev":"x"}')).state).toBe('tampered');
    expect(verifyChain(lines.toSpliced(4, 2, lines[5] ?? '', lines[4] ?? '')).state).not.toBe('intact');
  });

  test.each(['', 'not json', '[]', 'null', '{"seq":"5","prev":"x"}', '{"seq":5}'])('L4: %j in place of a line is found', (line) => {
    expect(verifyChain(aLog(9).with(4, line))).toEqual({ state: 'tampered', seq: 5 });
  });

  test('L4: a removed line hides behind a new chain only from the start of a process', () => {
    expect(verifyChain([...aLog(5), ...aLog(4)])).toEqual({ state: 'intact', from: 1, to: 4, dropped: 0 });
    expect(verifyChain([...aLog(5), ...aLog(4).slice(1)]).state).toBe('tampered');
  });

  test('what the writer itself lost is added up', () => {
    const chain = createChain(aClock(), { instance: 'pod-1', version: '0.1.0' });
    const lines = [chain.append('"event":"audit.gap","dropped":3'), chain.append('"event":"audit.gap","dropped":4')].map((line) => line.trimEnd());
    expect(verifyChain(lines)).toEqual({ state: 'intact', from: 1, to: 2, dropped: 7 });
  });
});
