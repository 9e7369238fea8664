/**
 * What sidecars have reported of the use of tokens, on every replica: the leader writes it down, the others are ready to
 * lead. Memory is bounded by the tokens there are, and by the pods.
 */
import type { GenerationUsage, PermissionUsage } from '../../api/bundle-stream.ts';
import type { BundleToken } from '../../api/bundle.ts';
import type { GatewayToken } from '../../api/v1alpha1/index.ts';
import { permissionIndex } from '../../core/bundle/token-grants.ts';
import type { Grant } from '../../core/policy/compile.ts';
import { compileGrant } from '../../core/policy/compile.ts';
import { grantAllows, subjectsOf } from '../../core/policy/match.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { ReportedUsage } from '../bundle/reported-usage.ts';
import { mergeTokenUsage, permissionDigest } from './token-usage.ts';
import type { PermissionUse, TokenUsage } from './token-usage.ts';

export interface TokenName {
  readonly namespace: string;
  readonly name: string;
}

export interface UsageMemory {
  /** A report that was received before, under the same number, changes nothing. */
  receive(usage: ReportedUsage): void;
  /** By UID of the token. */
  of(uid: string): (TokenUsage & TokenName) | undefined;
  /** UIDs of tokens that were reported since it was taken last. */
  takeChanged(): readonly string[];
  /** Forgets all tokens but these. */
  keep(uids: ReadonlySet<string>): void;
}

export interface UsageMemoryDeps {
  readonly tokenOf: (name: TokenName) => GatewayToken | undefined;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly metrics: Metrics;
}

/** As many as may be connected to one replica. */
const MAX_REPORTERS = 10_000;

/**
 * Guarantees that a report counts only for the tokens it came with, for permissions by which the reporting pod's server
 * admits them, and for tools that these allow; and that no time lies in the future. Not that the sidecar tells the truth.
 */
export function createUsageMemory({ tokenOf, clock, metrics }: UsageMemoryDeps): UsageMemory {
  const known = new Map<string, TokenUsage & TokenName>();
  const reporters = new Map<string, { readonly reporter: string; readonly sequence: number }>();
  const compiled = new WeakMap<BundleToken, ReadonlyMap<number, Grant>>();
  let changed = new Set<string>();
  const uses = metrics.counter('mcpgateway_token_uses_total', 'Requests that sidecars allowed, as they reported them to this replica.', []).labels({});
  const failures = metrics.counter('mcpgateway_token_failures_total', 'Requests that sidecars denied although the token was good, as they reported them to this replica.', []).labels({});
  const uncounted = metrics.counter('mcpgateway_token_usage_uncounted_total', 'Decisions that sidecars had no room to report by token. Should stay 0.', []).labels({});

  function isRepeated({ pod, report }: ReportedUsage): boolean {
    const { reporter, sequence } = report;
    const before = reporters.get(pod.uid);
    if (before?.reporter === reporter && sequence <= before.sequence) return true;
    // Deleted first, so that the oldest come first.
    reporters.delete(pod.uid);
    reporters.set(pod.uid, { reporter, sequence });
    for (const uid of reporters.keys()) {
      if (reporters.size <= MAX_REPORTERS) break;
      reporters.delete(uid);
    }
    return false;
  }

  function grantsOf(token: BundleToken): ReadonlyMap<number, Grant> {
    const grants = compiled.get(token) ?? new Map(token.grants.flatMap((grant) => {
      const index = permissionIndex(grant.rule);
      return index === undefined ? [] : [[index, compileGrant(grant)] as const];
    }));
    compiled.set(token, grants);
    return grants;
  }

  function note(token: BundleToken, usage: GenerationUsage): void {
    const object = tokenOf(token);
    if (object?.metadata.uid !== token.uid) return;
    const nowMs = clock.nowMs();
    const digests = object.spec.permissions.map(permissionDigest);
    const before = known.get(token.uid);
    // Of permissions that were changed nothing is shown any more.
    const former = [...(before?.permissions ?? [])].filter(([digest]) => digests.includes(digest));
    const reported = {
      lastUsedAtMs: notLater(usage.lastUsedAtMs, nowMs),
      lastDeniedAtMs: notLater(usage.lastDeniedAtMs, nowMs),
      permissions: new Map<string, PermissionUse>(),
    };
    const merged = attribute(usage.permissions, grantsOf(token), nowMs).reduce<TokenUsage>((sum, [index, use]) => {
      const digest = digests[index];
      return digest === undefined ? sum : mergeTokenUsage(sum, { permissions: new Map([[digest, use]]) });
    }, mergeTokenUsage({ ...before, permissions: new Map(former) }, reported));
    known.set(token.uid, { namespace: token.namespace, name: token.name, ...merged });
    changed.add(token.uid);
  }

  return {
    receive(reported) {
      if (isRepeated(reported)) return;
      uncounted.inc(reported.report.uncounted);
      for (const usage of reported.report.generations) {
        const token = reported.tokens.get(usage.uid);
        if (token === undefined) continue;
        uses.inc(usage.uses);
        failures.inc(usage.failures);
        note(token, usage);
      }
    },
    of: (uid) => known.get(uid),
    takeChanged() {
      const taken = [...changed];
      changed = new Set();
      return taken;
    },
    keep(uids) {
      for (const uid of known.keys()) if (!uids.has(uid)) known.delete(uid);
      for (const uid of changed) if (!uids.has(uid)) changed.delete(uid);
    },
  };
}

/** A tool counts for the first permission that allows it, as the evaluator has it: of a batch the sidecar names only one. */
function attribute(permissions: readonly PermissionUsage[], grants: ReadonlyMap<number, Grant>, nowMs: number): readonly (readonly [number, PermissionUse])[] {
  return permissions.flatMap(({ index, lastUsedAtMs, tools, moreTools }) => {
    const atMs = Math.min(lastUsedAtMs, nowMs);
    const own = grants.has(index) ? [[index, { lastUsedAtMs: atMs, tools: new Set<string>(), moreTools }] as const] : [];
    const called = tools.flatMap((tool) => {
      const allowing = allowingTool(tool, grants);
      return allowing === undefined ? [] : [[allowing, { lastUsedAtMs: atMs, tools: new Set([tool]), moreTools: false }] as const];
    });
    return [...own, ...called];
  });
}

function allowingTool(name: string, grants: ReadonlyMap<number, Grant>): number | undefined {
  const subjects = subjectsOf({ kind: 'tool', name });
  if (subjects === undefined) return undefined;
  for (const [index, grant] of grants) if (subjects.every((subject) => grantAllows(grant, subject))) return index;
  return undefined;
}

function notLater(ms: number | undefined, nowMs: number): number | undefined {
  return ms === undefined ? undefined : Math.min(ms, nowMs);
}
