/**
 * Tells the servers that a token named that it is gone. Every replica remembers for a while what was named, because whoever
 * leads when the ledger forgets the token may not have led when it was deleted. What no replica saw is not told.
 */
import type { LedgerToken } from '../api/ledger.ts';
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import { serversNamedBy } from '../core/bundle/token-grants.ts';
import type { ClusterView } from './cluster-view.ts';
import { tokenDeleted } from './controllers/mcp-server/happenings.ts';
import type { EventRecorder } from './kube/events.ts';

export interface TokenDeletionsDeps {
  readonly view: {
    readonly tokens: Pick<ClusterView['tokens'], 'onChange'>;
    readonly servers: Pick<ClusterView['servers'], 'get'>;
  };
  readonly record: EventRecorder['record'];
}

/** Of those that nobody asked for: on replicas that never lead. The oldest go first. */
const MAX_REMEMBERED = 1_000;

/** Returns what to call with the ledger's entry of a token that is gone; each is told once. */
export function createTokenDeletions({ view, record }: TokenDeletionsDeps): (entry: Pick<LedgerToken, 'uid' | 'namespace' | 'name'>) => void {
  /** By UID: servers as `<namespace>/<name>`. */
  const remembered = new Map<string, ReadonlySet<string>>();

  function remember(token: GatewayToken): void {
    remembered.set(token.metadata.uid ?? '', serversNamedBy(token));
    for (const oldest of [...remembered.keys()].slice(0, -MAX_REMEMBERED)) remembered.delete(oldest);
  }

  view.tokens.onChange((change) => {
    // One that cannot be read any more leaves without a word of what it was.
    if ((change.type === 'deleted' || change.type === 'refused') && change.old !== undefined) remember(change.old.object);
  });

  return (entry) => {
    for (const key of remembered.get(entry.uid) ?? []) {
      const [serverNamespace = '', serverName = ''] = key.split('/', 2);
      const server = view.servers.get(serverNamespace, serverName)?.object;
      if (server !== undefined) record(tokenDeleted(server, entry));
    }
    remembered.delete(entry.uid);
  };
}
