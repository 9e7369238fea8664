/** Conditions of a status, as Kubernetes users know them. Pure. */
import { isDeepStrictEqual } from 'node:util';

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** What a controller finds now. */
export interface Finding<Type extends string = string, Reason extends string = string> {
  readonly type: Type;
  readonly status: ConditionStatus;
  readonly reason: Reason;
  readonly message: string;
}

/** As the status of our kinds holds it. */
export interface Condition extends Finding {
  /** The generation of the object that was judged. */
  readonly observedGeneration?: number;
  /** RFC 3339, whole seconds: the precision of the API's own times. */
  readonly lastTransitionTime: string;
}

/** Where and when something was found. */
export interface Finder {
  readonly generation: number;
  readonly nowMs: number;
}

/**
 * The conditions that `findings` amount to, in their order, followed by those of `former` that they do not name. The
 * time of a transition changes only with the status, so the same findings about the same generation give what is
 * there already. A finding named twice is a TypeError.
 */
export function setConditions(former: readonly Condition[], findings: readonly Finding[], { generation, nowMs }: Finder): readonly Condition[] {
  const named = new Set(findings.map(({ type }) => type));
  if (named.size !== findings.length) throw new TypeError('two findings have the same condition type');
  const found = findings.map((finding): Condition => {
    const before = former.find(({ type }) => type === finding.type);
    const { type, status, reason, message } = finding;
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : timestamp(nowMs);
    return { type, status, reason, message, observedGeneration: generation, lastTransitionTime };
  });
  return [...found, ...former.filter(({ type }) => !named.has(type))];
}

/** Whether writing `desired` would change nothing; the order of members does not count, that of list entries does. */
export function sameStatus(former: unknown, desired: unknown): boolean {
  return isDeepStrictEqual(plain(former), plain(desired));
}

/** As it would be after a round trip: members that are `undefined` are not sent. */
function plain(value: unknown): unknown {
  const text: string | undefined = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(text);
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
