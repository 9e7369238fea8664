/** What is on record of all tokens, read from the Secrets of the operator. */
import type { Ledger, LedgerToken } from '../../api/ledger.ts';
import type { ClusterAccess } from './cluster-access.ts';

export async function readLedger(cluster: ClusterAccess, namespace: string): Promise<readonly LedgerToken[]> {
  const { body } = await cluster.request('GET', `/api/v1/namespaces/${namespace}/secrets?labelSelector=mcpgateway.dev/ledger`);
  const shards = (body.items ?? []) as unknown as readonly { readonly data: Readonly<Record<string, string>> }[];
  return shards.flatMap(({ data }) => (JSON.parse(Buffer.from(data['ledger.json'] ?? '', 'base64').toString('utf8')) as Ledger).tokens);
}
