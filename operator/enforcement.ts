/** Which sidecars enforce what is published: pods as the API server knows them, acknowledgements as the streams do. */
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import type { ClusterView } from './cluster-view.ts';
import { PODS_OF_SERVER } from './cluster-view.ts';
import type { Enforcement as TokenEnforcement } from './controllers/gateway-token/observe.ts';
import type { SidecarCount } from './controllers/mcp-server/derive.ts';
import type { SidecarStreams } from './streams.ts';
import type { Publisher } from './publisher.ts';

export interface Enforcement {
  /** Over all sidecars of the servers that the token names. */
  ofToken(token: GatewayToken): TokenEnforcement;
  /** Of a server, `<namespace>/<name>`. */
  ofServer(server: string): SidecarCount;
}

export interface EnforcementDeps {
  readonly view: Pick<ClusterView, 'pods'>;
  readonly publisher: Pick<Publisher, 'bundleOf'>;
  readonly streams: Pick<SidecarStreams, 'acknowledgements'>;
}

export function createEnforcement({ view, publisher, streams }: EnforcementDeps): Enforcement {
  const podsOf = (server: string) => view.pods.byIndex(PODS_OF_SERVER, server).filter(({ isLive }) => isLive);

  /** How long each pod that enforces the present revision took to say so. */
  function times(server: string): readonly number[] {
    const revision = publisher.bundleOf(server)?.revision;
    const known = streams.acknowledgements(server);
    return podsOf(server).flatMap(({ uid }) => {
      const acknowledged = known.get(uid);
      return acknowledged !== undefined && acknowledged.revision === revision ? [acknowledged.afterMs] : [];
    });
  }

  return {
    ofToken(token) {
      const servers = serversOf(token);
      const all = servers.flatMap(times);
      const sidecars = servers.reduce((sum, server) => sum + podsOf(server).length, 0);
      return { sidecars, enforcing: all.length, ...(all.length === 0 ? {} : { slowestAckMs: Math.max(...all) }) };
    },
    ofServer(server) {
      const pods = podsOf(server);
      return { desired: pods.length, ready: times(server).length, outdated: pods.filter(({ injected }) => injected === undefined).length };
    },
  };
}

/** The servers that a token names, as `<namespace>/<name>`. */
export function serversOf({ metadata, spec }: GatewayToken): readonly string[] {
  return [...new Set(spec.permissions.flatMap(({ serverRefs }) => serverRefs.map((ref) => `${ref.namespace ?? metadata.namespace}/${ref.name}`)))];
}
