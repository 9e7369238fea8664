/**
 * What is known of the use of one token, and how its status shows it. Times only ever move on, and tools are only ever
 * added, so whatever is merged twice, or in another order, says the same. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { USAGE_LIMITS } from '../../api/bundle-stream.ts';
import type { GatewayToken, GatewayTokenStatus } from '../../api/v1alpha1/index.ts';
import { hashCanonical } from '../../core/bundle/revision.ts';
import { isList, own, ownString } from '../../manifest/record.ts';

export interface TokenUsage {
  readonly lastUsedAtMs?: number | undefined;
  readonly lastDeniedAtMs?: number | undefined;
  /** By `permissionDigest`. */
  readonly permissions: ReadonlyMap<string, PermissionUse>;
}

export interface PermissionUse {
  readonly lastUsedAtMs: number;
  /** At most as many as USAGE_LIMITS says. */
  readonly tools: ReadonlySet<string>;
  readonly moreTools: boolean;
}

export type UsageStatus = Pick<GatewayTokenStatus, 'lastUsedAt' | 'usage'>;

type Permission = GatewayToken['spec']['permissions'][number];

const DIGEST_LENGTH = 16;

/** Tells a permission from what it was before it was changed, wherever in the list it stands. */
export function permissionDigest(permission: Permission): string {
  return hashCanonical(permission).slice(0, DIGEST_LENGTH);
}

export function mergeTokenUsage(one: TokenUsage, other: TokenUsage): TokenUsage {
  const permissions = new Map(one.permissions);
  for (const [digest, use] of other.permissions) {
    const known = permissions.get(digest);
    permissions.set(digest, known === undefined ? use : mergeUse(known, use));
  }
  return { lastUsedAtMs: later(one.lastUsedAtMs, other.lastUsedAtMs), lastDeniedAtMs: later(one.lastDeniedAtMs, other.lastDeniedAtMs), permissions };
}

function mergeUse(one: PermissionUse, other: PermissionUse): PermissionUse {
  const tools = new Set([...one.tools, ...other.tools]);
  return {
    lastUsedAtMs: Math.max(one.lastUsedAtMs, other.lastUsedAtMs),
    tools: new Set([...tools].slice(0, USAGE_LIMITS.tools)),
    moreTools: one.moreTools || other.moreTools || tools.size > USAGE_LIMITS.tools,
  };
}

/** What a status says of it, as of when: what a leader before this one knew. Whatever in it is not as we write it is absent. */
export function readUsageStatus(status: unknown): { readonly known: TokenUsage; readonly asOfMs: number | undefined } {
  const usage = own(status, 'usage');
  const entries = own(usage, 'permissions');
  return {
    asOfMs: timeOf(usage, 'asOf'),
    known: {
      lastUsedAtMs: timeOf(status, 'lastUsedAt'),
      lastDeniedAtMs: timeOf(usage, 'lastDeniedAt'),
      permissions: new Map((isList(entries) ? entries : []).flatMap(readPermission)),
    },
  };
}

function readPermission(entry: unknown): readonly (readonly [string, PermissionUse])[] {
  const [digest, lastUsedAtMs, tools] = [ownString(entry, 'digest'), timeOf(entry, 'lastUsedAt'), own(entry, 'tools')];
  if (digest === undefined || lastUsedAtMs === undefined) return [];
  const names = (isList(tools) ? tools : []).filter((tool) => typeof tool === 'string');
  return [[digest, { lastUsedAtMs, tools: new Set(names), moreTools: own(entry, 'moreTools') === true }]];
}

/**
 * The status that says it, of the permissions that the token has now; `undefined` where `status` says all of it already.
 * What a status says of the future is cut to now: it would never be corrected.
 */
export function usageStatus(usage: TokenUsage, { spec }: Pick<GatewayToken, 'spec'>, status: unknown, nowMs: number): UsageStatus | undefined {
  const { known } = readUsageStatus(status);
  const { lastUsedAtMs, lastDeniedAtMs, permissions } = mergeTokenUsage(known, usage);
  const digests = spec.permissions.map(permissionDigest);
  const shown = spec.permissions.flatMap((_permission, index) => {
    const digest = digests[index] ?? '';
    const use = permissions.get(digest);
    // Of two that are the same the first one decides.
    if (use === undefined || digests.indexOf(digest) < index) return [];
    const tools = [...use.tools].sort();
    const lists = { ...(tools.length === 0 ? {} : { tools }), ...(use.moreTools ? { moreTools: true } : {}) };
    return [{ index, digest, lastUsedAt: timestamp(use.lastUsedAtMs, nowMs), ...lists }];
  });
  const said = {
    lastUsedAt: lastUsedAtMs === undefined ? undefined : timestamp(lastUsedAtMs, nowMs),
    lastDeniedAt: lastDeniedAtMs === undefined ? undefined : timestamp(lastDeniedAtMs, nowMs),
    permissions: shown,
  };
  const before = { lastUsedAt: ownString(status, 'lastUsedAt'), lastDeniedAt: ownString(own(status, 'usage'), 'lastDeniedAt'), permissions: own(own(status, 'usage'), 'permissions') ?? [] };
  if (isDeepStrictEqual(said, before)) return undefined;
  return {
    ...(said.lastUsedAt === undefined ? {} : { lastUsedAt: said.lastUsedAt }),
    usage: { asOf: timestamp(nowMs, nowMs), ...(said.lastDeniedAt === undefined ? {} : { lastDeniedAt: said.lastDeniedAt }), ...(shown.length === 0 ? {} : { permissions: shown }) },
  };
}

function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

function timeOf(value: unknown, name: string): number | undefined {
  const ms = Date.parse(ownString(value, name) ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function timestamp(ms: number, nowMs: number): string {
  return new Date(Math.min(ms, nowMs)).toISOString().replace(/\.\d+Z$/, 'Z');
}
