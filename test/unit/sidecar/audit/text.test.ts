import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { quote, quoteList } from '../../../../sidecar/audit/text.ts';

const TOKEN = `mgt_Ab3dEf9h_${'x'.repeat(43)}_Zz19aB`;

describe('quoted text', () => {
  test('plain text is as it is', () => {
    expect(quote('tools/call', 64)).toBe('"tools/call"');
  });

  test('anything within its budget keeps its value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        fc.pre(!text.includes('mgt_'));
        const quoted = quote(text, 6 * 50);
        expect(quoted).toMatch(/^"[\x20-\x7e]*"$/);
        expect(JSON.parse(quoted)).toBe(text);
      }),
    );
  });

  test('anything beyond its budget is cut to it and says how much is missing', () => {
    const unit = fc.constantFrom('a', '"', '\\', '\n', '\u001b', '\u2028', '\u{1f600}', '\ud800', 'ä');
    fc.assert(
      fc.property(fc.array(unit, { minLength: 200, maxLength: 3_000 }), fc.integer({ min: 40, max: 150 }), (units, budget) => {
        const text = units.join('');
        const quoted = quote(text, budget);
        expect(quoted.length).toBeLessThanOrEqual(budget + 2);
        expect(quoted).toMatch(/^"[\x20-\x7e]*"$/);
        const shown: string = JSON.parse(quoted);
        const [, kept = '', missing] = /^(.*)\.\.\.\[\+(\d+)\]$/s.exec(shown) ?? [];
        expect(text.startsWith(kept)).toBe(true);
        expect(kept.length + Number(missing)).toBe(text.length);
        expect(kept.length).toBeGreaterThan(0);
      }),
    );
  });

  test('L2: a name of 1 MB is cut and carries a marker', () => {
    const quoted = quote('n'.repeat(1_000_000), 512);
    expect(quoted).toBe(`"${'n'.repeat(488)}...[+999512]"`);
  });

  test.each([
    ['whole', `Bearer ${TOKEN} x`, 'Bearer mgt_Ab3dEf9h_[masked] x'],
    ['cut short', TOKEN.slice(0, 30), 'mgt_Ab3dEf9h_[masked]'],
    ['twice', `${TOKEN},${TOKEN}`, 'mgt_Ab3dEf9h_[masked],mgt_Ab3dEf9h_[masked]'],
  ])('M1: a gateway token that is %s is masked', (_name, text, masked) => {
    expect(JSON.parse(quote(text, 256))).toBe(masked);
  });

  test('M1: a token across the end of the budget is masked before the cut', () => {
    expect(quote(`${'n'.repeat(60)}${TOKEN}`, 100)).not.toContain('xxx');
  });

  test.each([[7], [{ secret: 1 }], [Buffer.from('canary')], [null], [undefined], [['canary']]])('M2: %p is not written', (value) => {
    expect(quote(value, 64)).toBe('"[not text]"');
  });
});

describe('a quoted list', () => {
  test('has every element that fits', () => {
    expect(quoteList(['a', 'b"'], 64, 32)).toBe('["a","b\\""]');
    expect(quoteList([], 64, 32)).toBe('[]');
  });

  test('says how many elements are missing and stays within its budget', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 80 }), { maxLength: 100 }), (values) => {
        const list = quoteList(values, 300, 64);
        expect(list.length).toBeLessThanOrEqual(302);
        const shown: string[] = JSON.parse(list);
        const missing = Number(/^\.\.\.\[\+(\d+)\]$/.exec(shown.at(-1) ?? '')?.[1] ?? 0);
        expect(shown.length - (missing === 0 ? 0 : 1) + missing).toBe(values.length);
      }),
      { examples: [[['a'.repeat(80), ...Array.from({ length: 90 }, () => '\u2028'.repeat(70))]]] },
    );
  });
});
