/** What was done with tokens in some span of time, as one value: merged, bounded, and cut into reports. Pure. */
import type { GenerationUsage, PermissionUsage } from '../../api/bundle-stream.ts';
import { MAX_REPORT_BYTES, USAGE_LIMITS } from '../../api/bundle-stream.ts';
import { BUNDLE_LIMITS } from '../../api/bundle.ts';

export interface Usage {
  /** By `usageKey`. */
  readonly generations: ReadonlyMap<string, GenerationUsage>;
  /** Decisions that are in none of them. */
  readonly uncounted: number;
}

/** More than the tokens of one bundle that are used between two reports; each costs some hundred bytes. */
export const MAX_GENERATIONS = BUNDLE_LIMITS.tokens;
/** The members beside `generations` take some hundred bytes. */
const MAX_BATCH_BYTES = MAX_REPORT_BYTES - 1024;

export const NO_USAGE: Usage = { generations: new Map(), uncounted: 0 };

export function isNothing({ generations, uncounted }: Usage): boolean {
  return generations.size === 0 && uncounted === 0;
}

export function usageKey({ uid, generation }: { readonly uid: string; readonly generation: string }): string {
  return `${uid} ${generation}`;
}

/** Both together. What there is no room for is counted as uncounted. */
export function mergeUsage(one: Usage, other: Usage): Usage {
  if (isNothing(one)) return other;
  const generations = new Map(one.generations);
  let uncounted = one.uncounted + other.uncounted;
  for (const [key, usage] of other.generations) {
    const known = generations.get(key);
    if (known !== undefined) generations.set(key, mergeGeneration(known, usage));
    else if (generations.size < MAX_GENERATIONS) generations.set(key, usage);
    else uncounted += usage.uses + usage.failures;
  }
  return { generations, uncounted };
}

/** As much as one report takes, and what is left for the next. Never neither, unless there is nothing. */
export function cutReport({ generations, uncounted }: Usage): { readonly batch: readonly GenerationUsage[]; readonly uncounted: number; readonly rest: Usage } {
  const rest = new Map(generations);
  const batch: GenerationUsage[] = [];
  let bytes = 0;
  for (const [key, usage] of generations) {
    bytes += Buffer.byteLength(JSON.stringify(usage)) + 1;
    if (batch.length === USAGE_LIMITS.generations || (batch.length > 0 && bytes > MAX_BATCH_BYTES)) break;
    batch.push(usage);
    rest.delete(key);
  }
  return { batch, uncounted, rest: { generations: rest, uncounted: 0 } };
}

/** Of one generation. */
export function mergeGeneration(one: GenerationUsage, other: GenerationUsage): GenerationUsage {
  const permissions = new Map(one.permissions.map((each) => [each.index, each]));
  for (const each of other.permissions) {
    const known = permissions.get(each.index);
    permissions.set(each.index, known === undefined ? each : mergePermission(known, each));
  }
  return {
    uid: one.uid,
    generation: one.generation,
    ...latest('lastUsedAtMs', one, other),
    ...latest('lastDeniedAtMs', one, other),
    uses: one.uses + other.uses,
    failures: one.failures + other.failures,
    permissions: [...permissions.values()],
  };
}

function mergePermission(one: PermissionUsage, other: PermissionUsage): PermissionUsage {
  const tools = [...new Set([...one.tools, ...other.tools])];
  return {
    index: one.index,
    lastUsedAtMs: Math.max(one.lastUsedAtMs, other.lastUsedAtMs),
    tools: tools.slice(0, USAGE_LIMITS.tools),
    moreTools: one.moreTools || other.moreTools || tools.length > USAGE_LIMITS.tools,
  };
}

type Time = 'lastUsedAtMs' | 'lastDeniedAtMs';

function latest(time: Time, one: GenerationUsage, other: GenerationUsage): Partial<Record<Time, number>> {
  const [a, b] = [one[time], other[time]];
  if (a === undefined || b === undefined) return a === undefined && b === undefined ? {} : { [time]: a ?? b };
  return { [time]: Math.max(a, b) };
}
