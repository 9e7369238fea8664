/**
 * When authorities come and go, as a decision about what exists. Several replicas may ask at once: each derives the
 * same answer from the same list. The new one is trusted before it signs, and the old one until nothing it signed is
 * still valid.
 */
import { BACKDATE_MS } from './authority.ts';
import type { Authority } from './authority.ts';

export type DatedAuthority = Pick<Authority, 'notBeforeMs' | 'notAfterMs'>;

export interface RotationPolicy {
  /** The longest time after which everybody trusts what is in the published bundle. */
  readonly trustDelayMs: number;
  /** The longest lifetime of a certificate that an authority signs. */
  readonly leafLifetimeMs: number;
}

export interface RotationPlan<A> {
  /** True: make another authority now. */
  readonly create: boolean;
  /** The one that signs now; `undefined` only while there is none that is valid. */
  readonly signer: A | undefined;
  /** Those to publish for trust, the newest first. The signer is among them. */
  readonly trusted: readonly A[];
  /** Those to forget: expired, or replaced for longer than anything they signed may live. */
  readonly dropped: readonly A[];
  /** When the answer may change by time alone. */
  readonly nextMs: number;
}

/** Clocks of replicas differ: one may still sign with the old authority when another has moved on. */
const SKEW_MS = BACKDATE_MS;

/** Part of its life after which an authority is replaced. */
const RENEWAL = 2 / 3;

/** The order of `authorities` is of no importance. Two made at once by two replicas are both kept; the newer one signs. */
export function deriveRotation<A extends DatedAuthority>(authorities: readonly A[], policy: RotationPolicy, nowMs: number): RotationPlan<A> {
  const newestFirst = [...authorities].sort((a, b) => b.notBeforeMs - a.notBeforeMs);
  const valid = newestFirst.filter((authority) => nowMs < authority.notAfterMs);
  // Until one has been trusted for long enough the oldest signs: at the very start it is the only one.
  const signer = valid.find((authority) => nowMs >= signsFromMs(authority, policy)) ?? valid.at(-1);
  const trusted = valid.filter((_, index) => nowMs < forgottenAtMs(valid, index, policy));
  const newest = valid[0];
  return {
    create: newest === undefined || nowMs >= replacedAtMs(newest),
    signer,
    trusted,
    dropped: newestFirst.filter((authority) => !trusted.includes(authority)),
    nextMs: nextChangeMs(valid, policy, nowMs),
  };
}

/** One PEM text in the given order, without repetitions: put the newest authority first. */
export function trustBundle(certificatePems: readonly string[]): string {
  return [...new Set(certificatePems.map((pem) => pem.trim()))].map((pem) => `${pem}\n`).join('');
}

const madeAtMs = (authority: DatedAuthority): number => authority.notBeforeMs + BACKDATE_MS;

const replacedAtMs = (authority: DatedAuthority): number =>
  madeAtMs(authority) + Math.floor((authority.notAfterMs - madeAtMs(authority)) * RENEWAL);

const signsFromMs = (authority: DatedAuthority, policy: RotationPolicy): number => madeAtMs(authority) + policy.trustDelayMs;

/** It signs until the next newer one does; the newest is never forgotten before it ends. */
function forgottenAtMs(newestFirst: readonly DatedAuthority[], index: number, policy: RotationPolicy): number {
  const end = newestFirst[index]?.notAfterMs ?? 0;
  const successor = newestFirst[index - 1];
  return successor === undefined ? end : Math.min(end, signsFromMs(successor, policy) + policy.leafLifetimeMs + SKEW_MS);
}

function nextChangeMs(valid: readonly DatedAuthority[], policy: RotationPolicy, nowMs: number): number {
  const moments = valid.flatMap((authority, index) => [
    replacedAtMs(authority),
    signsFromMs(authority, policy),
    forgottenAtMs(valid, index, policy),
  ]);
  return Math.min(...moments.filter((moment) => moment > nowMs), Number.MAX_SAFE_INTEGER);
}
