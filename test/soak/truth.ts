/** What should be in force, read from the API server alone, and in what a bundle differs from it. */
import type { Bundle } from '../../api/bundle.ts';
import type { ClusterAccess } from '../kit/cluster-access.ts';
import { readLedger } from '../kit/read-ledger.ts';

/** One line for each token: its name and UID, its permissions, whether it is revoked, and the hashes of its generations. */
export async function readTruth(cluster: ClusterAccess, { home, tools }: { readonly home: string; readonly tools: string }): Promise<readonly string[]> {
  const { body } = await cluster.request('GET', `/apis/mcpgateway.dev/v1alpha1/namespaces/${tools}/gatewaytokens`);
  const tokens = (body.items ?? []) as unknown as readonly TokenItem[];
  const ledger = await readLedger(cluster, home);
  return tokens.map(({ metadata, spec }) => {
    const hashes = ledger.find(({ uid }) => uid === metadata.uid)?.generations.map(({ sha256 }) => sha256) ?? [];
    return lineOf({ ...metadata, revoked: spec.revoked, tools: spec.permissions.flatMap((permission) => permission.tools), hashes });
  }).toSorted();
}

export function linesOf(bundle: Bundle): readonly string[] {
  return bundle.tokens.map(({ name, uid, revoked, grants, generations }) =>
    lineOf({ name, uid, revoked, tools: grants.flatMap(({ allow }) => allow.tools ?? []), hashes: generations.map(({ sha256 }) => sha256) })).toSorted();
}

interface TokenItem {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly revoked: boolean; readonly permissions: readonly { readonly tools: readonly string[] }[] };
}

interface TokenLine {
  readonly name: string;
  readonly uid: string;
  readonly revoked: boolean;
  readonly tools: readonly string[];
  readonly hashes: readonly string[];
}

/** A revoked token has nothing else to say. */
function lineOf({ name, uid, revoked, tools, hashes }: TokenLine): string {
  return revoked ? `${name} ${uid} revoked` : `${name} ${uid} ${tools.join(',')} ${hashes.toSorted().join(',')}`;
}
