/** Which sidecars enforce what is published: pods as the API server knows them, acknowledgements as the streams do. */
import type { GatewayToken, MCPServer } from '../api/v1alpha1/index.ts';
import { serversNamedBy } from '../core/bundle/token-grants.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ClusterView } from './cluster-view.ts';
import { PODS_OF_SERVER } from './cluster-view.ts';
import type { Enforcement as TokenEnforcement } from './controllers/gateway-token/observe.ts';
import type { SidecarFacts } from './controllers/mcp-server/status.ts';
import type { SidecarStreams } from './streams.ts';

export interface Enforcement {
  /** Over all sidecars of the servers that the token names, and of those that it named until lately. */
  ofToken(token: GatewayToken): TokenEnforcement;
  ofServer(server: MCPServer): SidecarFacts;
}

export interface EnforcementDeps {
  readonly view: Pick<ClusterView, 'pods'>;
  readonly streams: Pick<SidecarStreams, 'publication' | 'acknowledged' | 'lastChange' | 'droppedFrom' | 'startedMs'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** What a pod of the server would be annotated with if it were injected now. */
  readonly annotationFor: (server: MCPServer) => string;
}

/** Sidecars find a replica that has just begun within seconds. */
const SETTLING_MS = 15_000;

export function createEnforcement({ view, streams, clock, annotationFor }: EnforcementDeps): Enforcement {
  const podsOf = (server: string) => view.pods.byIndex(PODS_OF_SERVER, server).filter(({ isLive }) => isLive);

  /** Live pods of the server that acknowledged this publication or a later one. */
  function enforcing(server: string, publication: number): number {
    const held = streams.acknowledged(server);
    return podsOf(server).filter(({ uid }) => (held.get(uid) ?? -1) >= publication).length;
  }

  function isSettling(): boolean {
    return clock.monotonicMs() - (streams.startedMs() ?? Infinity) < SETTLING_MS;
  }

  return {
    ofToken(token) {
      const uid = token.metadata.uid ?? '';
      const servers = [...new Set([...serversNamedBy(token), ...streams.droppedFrom(uid)])].map((server) => {
        const change = streams.lastChange(server, uid);
        return { sidecars: podsOf(server).length, enforcing: enforcing(server, change?.publication ?? 0), slowestAckMs: change?.slowestAckMs };
      });
      const sum = (member: 'sidecars' | 'enforcing') => servers.reduce((total, each) => total + each[member], 0);
      const times = servers.flatMap(({ slowestAckMs }) => slowestAckMs ?? []);
      const counts = { sidecars: sum('sidecars'), enforcing: sum('enforcing') };
      return {
        ...counts,
        isSettling: counts.enforcing < counts.sidecars && isSettling(),
        ...(times.length === 0 ? {} : { slowestAckMs: Math.max(...times) }),
      };
    },
    ofServer(server) {
      const key = `${server.metadata.namespace}/${server.metadata.name}`;
      const pods = podsOf(key);
      const publication = streams.publication(key);
      const present = annotationFor(server);
      return {
        desired: pods.length,
        ready: publication === undefined ? 0 : enforcing(key, publication),
        unguarded: pods.filter(({ injected }) => injected === undefined).map(({ name }) => name),
        outdated: pods.filter(({ injected }) => injected !== undefined && injected !== present).map(({ name }) => name),
      };
    },
  };
}
