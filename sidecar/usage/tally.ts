/**
 * Counts what is decided about gateway tokens, until somebody takes the counts. One decision costs a few map look-ups:
 * everything else is done when they are taken.
 */
import type { GenerationUsage, PermissionUsage } from '../../api/bundle-stream.ts';
import { TOOL_NAME, USAGE_LIMITS } from '../../api/bundle-stream.ts';
import { permissionIndex } from '../../core/bundle/token-grants.ts';
import type { Entry, Message } from '../../core/mcp/message.ts';
import type { CredentialReference } from '../../core/principal.ts';
import { outcome } from '../audit/exchange.ts';
import type { Exchange } from '../audit/exchange.ts';
import { MAX_GENERATIONS, usageKey } from './usage.ts';
import type { Usage } from './usage.ts';

export interface UsageCounter {
  /** Once for each exchange, when it has been decided. `atMs`: by the operator's clock. */
  count(exchange: Exchange, atMs: number): void;
}

export interface UsageTally extends UsageCounter {
  /** What was counted since it was taken last. */
  take(): Usage;
}

interface Counts {
  readonly credential: CredentialReference;
  uses: number;
  failures: number;
  lastUsedAtMs: number | undefined;
  lastDeniedAtMs: number | undefined;
  /** By the rule that allowed. */
  readonly rules: Map<string, RuleCounts>;
}

interface RuleCounts {
  lastUsedAtMs: number;
  readonly tools: Set<string>;
  moreTools: boolean;
}

export function createUsageTally(): UsageTally {
  let counts = new Map<string, Counts>();
  let uncounted = 0;

  function countsOf(credential: CredentialReference): Counts | undefined {
    const key = usageKey(credential);
    const known = counts.get(key);
    if (known !== undefined || counts.size >= MAX_GENERATIONS) return known;
    const made: Counts = { credential, uses: 0, failures: 0, lastUsedAtMs: undefined, lastDeniedAtMs: undefined, rules: new Map() };
    counts.set(key, made);
    return made;
  }

  return {
    count(exchange, atMs) {
      const { principal, permitRule } = exchange;
      const result = outcome(exchange);
      // Whoever cannot be told from a stranger is none of a token's uses, and none of its failures.
      if (principal === undefined || result === 'aborted') return;
      // The sidecar that holds the session counts what it was handed.
      if (exchange.handedTo !== undefined) return;
      const of = countsOf(principal.credential);
      if (of === undefined) {
        uncounted += 1;
      } else if (result === 'denied') {
        of.failures += 1;
        of.lastDeniedAtMs = atMs;
      } else {
        of.uses += 1;
        of.lastUsedAtMs = atMs;
        if (permitRule !== undefined) countRule(of.rules, permitRule, { message: exchange.message, atMs });
      }
    },
    take() {
      const taken = { generations: new Map([...counts].map(([key, of]) => [key, usageOf(of)])), uncounted };
      counts = new Map();
      uncounted = 0;
      return taken;
    },
  };
}

function countRule(rules: Map<string, RuleCounts>, rule: string, { message, atMs }: { readonly message: Message | undefined; readonly atMs: number }): void {
  let of = rules.get(rule);
  if (of === undefined) {
    of = { lastUsedAtMs: atMs, tools: new Set(), moreTools: false };
    rules.set(rule, of);
  }
  of.lastUsedAtMs = atMs;
  if (message?.kind === 'single') countTool(of, message.entry);
  if (message?.kind === 'batch') for (const entry of message.entries) countTool(of, entry);
}

function countTool(of: RuleCounts, entry: Entry): void {
  if (entry.kind === 'response' || entry.target.kind !== 'tool' || of.tools.has(entry.target.name)) return;
  // What a client calls is its own choice: only so many names, and only such as may be shown anywhere.
  if (of.tools.size >= USAGE_LIMITS.tools || !TOOL_NAME.test(entry.target.name)) of.moreTools = true;
  else of.tools.add(entry.target.name);
}

function usageOf({ credential, uses, failures, lastUsedAtMs, lastDeniedAtMs, rules }: Counts): GenerationUsage {
  return {
    uid: credential.uid,
    generation: credential.generation,
    ...(lastUsedAtMs === undefined ? {} : { lastUsedAtMs }),
    ...(lastDeniedAtMs === undefined ? {} : { lastDeniedAtMs }),
    uses,
    failures,
    permissions: [...rules].flatMap(([rule, of]) => permissionOf(rule, of)),
  };
}

function permissionOf(rule: string, { lastUsedAtMs, tools, moreTools }: RuleCounts): readonly PermissionUsage[] {
  const index = permissionIndex(rule);
  return index === undefined ? [] : [{ index, lastUsedAtMs, tools: [...tools], moreTools }];
}
