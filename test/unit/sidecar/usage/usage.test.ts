import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { GenerationUsage } from '../../../../api/bundle-stream.ts';
import { MAX_REPORT_BYTES, parseUsageReport, USAGE_LIMITS } from '../../../../api/bundle-stream.ts';
import { cutReport, isNothing, MAX_GENERATIONS, mergeUsage, NO_USAGE, usageKey } from '../../../../sidecar/usage/usage.ts';
import type { Usage } from '../../../../sidecar/usage/usage.ts';
import { aGenerationUsage, aPermissionUsage, aReport } from '../../../kit/usage.ts';

const usageOf = (...generations: readonly GenerationUsage[]): Usage => ({ generations: new Map(generations.map((each) => [usageKey(each), each])), uncounted: 0 });
const all = ({ generations }: Usage): readonly GenerationUsage[] => [...generations.values()];

describe('two spans of time together', () => {
  test('count everything, keep the latest of each time, and name every permission and tool once', () => {
    const one = usageOf(aGenerationUsage('a', { uses: 2, lastUsedAtMs: 20, permissions: [aPermissionUsage(0, { lastUsedAtMs: 20, tools: ['x', 'y'] })] }));
    const other = usageOf(
      aGenerationUsage('a', { uses: 1, failures: 3, lastUsedAtMs: 10, lastDeniedAtMs: 5, permissions: [aPermissionUsage(0, { lastUsedAtMs: 10, tools: ['y', 'z'] }), aPermissionUsage(1)] }),
      aGenerationUsage('b', { uses: 1, lastUsedAtMs: 1 }),
    );
    expect(all(mergeUsage(one, other))).toEqual([
      aGenerationUsage('a', { uses: 3, failures: 3, lastUsedAtMs: 20, lastDeniedAtMs: 5, permissions: [aPermissionUsage(0, { lastUsedAtMs: 20, tools: ['x', 'y', 'z'] }), aPermissionUsage(1)] }),
      aGenerationUsage('b', { uses: 1, lastUsedAtMs: 1 }),
    ]);
    expect(all(one)[0]?.uses).toBe(2);
  });

  test('say so where there is no room for a tool', () => {
    const named = (prefix: string): Usage => usageOf(aGenerationUsage('a', { permissions: [aPermissionUsage(0, { tools: Array.from({ length: 20 }, (_, i) => `${prefix}${String(i)}`) })] }));
    const [merged] = all(mergeUsage(named('x'), named('y')));
    expect(merged?.permissions[0]?.tools).toHaveLength(USAGE_LIMITS.tools);
    expect(merged?.permissions[0]?.moreTools).toBe(true);
    expect(all(mergeUsage(named('x'), named('x')))[0]?.permissions[0]?.moreTools).toBe(false);
  });

  test('say how much was left out where there is no room for a generation', () => {
    const full = usageOf(...Array.from({ length: MAX_GENERATIONS }, (_, i) => aGenerationUsage(`t${String(i)}`)));
    const merged = mergeUsage(full, usageOf(aGenerationUsage('t0', { uses: 1 }), aGenerationUsage('late', { uses: 2, failures: 3 })));
    expect(merged.generations.size).toBe(MAX_GENERATIONS);
    expect(merged.uncounted).toBe(5);
    expect(merged.generations.get(usageKey(aGenerationUsage('t0')))?.uses).toBe(1);
  });
});

describe('reports', () => {
  test('lose nothing, double nothing, and each is one that the operator reads', () => {
    const name = fc.string({ minLength: 100, maxLength: 128, unit: fc.constantFrom('a', '~', '!', '/') });
    const heavy = fc.array(fc.record({ uses: fc.nat(9), tools: fc.uniqueArray(name, { maxLength: 32 }) }), { maxLength: 12 });
    fc.assert(fc.property(heavy, fc.nat(3), (tokens, uncounted) => {
      const usage = {
        ...usageOf(...tokens.map(({ uses, tools }, i) => aGenerationUsage(`t${String(i)}`, { uses, permissions: Array.from({ length: 32 }, (_, index) => aPermissionUsage(index, { tools })) }))),
        uncounted,
      };
      const sent: GenerationUsage[] = [];
      let lost = 0;
      for (let rest: Usage = usage; !isNothing(rest);) {
        const cut = cutReport(rest);
        const text = JSON.stringify(aReport(cut.batch, { uncounted: cut.uncounted }));
        expect(text.length).toBeLessThanOrEqual(MAX_REPORT_BYTES);
        parseUsageReport(text);
        sent.push(...cut.batch);
        lost += cut.uncounted;
        rest = cut.rest;
      }
      expect(sent).toEqual(all(usage));
      expect(lost).toBe(uncounted);
    }), { numRuns: 20 });
  });

  test('hold as many generations as one may', () => {
    const usage = usageOf(...Array.from({ length: USAGE_LIMITS.generations + 1 }, (_, i) => aGenerationUsage(`t${String(i)}`)));
    const { batch, rest } = cutReport(usage);
    expect(batch).toHaveLength(USAGE_LIMITS.generations);
    expect(rest.generations.size).toBe(1);
    expect(isNothing(NO_USAGE)).toBe(true);
  });
});
