/**
 * What the operator finds when it tries to get past the sidecars of a server: on the network, and among the Services of
 * its namespace. Only the leader asks; what it found is kept in memory and found anew after a restart.
 */
import { isDeepStrictEqual } from 'node:util';
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { TryConnect } from '../../runtime/try-connect.ts';
import { PODS_OF_SERVER } from '../cluster-view.ts';
import type { ClusterView, GuardedPod } from '../cluster-view.ts';
import type { KubeClient } from '../kube/client.ts';
import { SERVICES } from '../kube/resources.ts';
import { PORT_NAMES } from '../webhook/names.ts';
import { bypassingServices } from './bypassing-services.ts';
import { probeReach } from './probe.ts';
import type { Reach } from './probe.ts';

export interface BypassFindings {
  /** The server's port that was tried. */
  readonly serverPort: number;
  /** By UID of the pod. */
  readonly reach: ReadonlyMap<string, Reach>;
  /** Names of Services that send clients past the sidecar; `undefined`: the API server did not say. */
  readonly services: readonly string[] | undefined;
}

export interface BypassProberDeps {
  readonly client: Pick<KubeClient, 'list'>;
  readonly view: Pick<ClusterView, 'servers' | 'pods'>;
  readonly tryConnect: TryConnect;
  readonly log: Logger;
}

export interface BypassProber {
  /** Of a server, `<namespace>/<name>`. Bounded in time and in connections; never rejects. */
  probe(server: string, signal: AbortSignal): Promise<'Changed' | 'Same' | 'Gone'>;
  findings(server: string): BypassFindings | undefined;
}

/** Pods of one server that are tried at the same time. */
const AT_ONCE = 32;

export function createBypassProber({ client, view, tryConnect, log }: BypassProberDeps): BypassProber {
  const found = new Map<string, BypassFindings>();

  async function look({ metadata, spec }: MCPServer, pods: readonly GuardedPod[], signal: AbortSignal): Promise<BypassFindings> {
    const serverPort = spec.upstream.port;
    const services = bypassingServicesNow(metadata.namespace, pods, serverPort, signal);
    const reach = new Map<string, Reach>();
    // One without an address can be reached by nobody, and will be tried when it has one.
    const left = pods.filter(({ ips }) => ips.length > 0);
    const work = async (): Promise<void> => {
      for (let pod = left.pop(); pod !== undefined; pod = left.pop()) {
        const sidecarPort = pod.namedPorts.find(({ name }) => name === PORT_NAMES.https)?.port;
        reach.set(pod.uid, await probeReach({ ips: pod.ips, serverPort, sidecarPort }, tryConnect, signal));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return { serverPort, reach, services: await services };
  }

  async function bypassingServicesNow(namespace: string, pods: readonly GuardedPod[], serverPort: number, signal: AbortSignal): Promise<readonly string[] | undefined> {
    // No answer could change that.
    if (pods.length === 0) return [];
    try {
      const { items } = await client.list(SERVICES, { namespace, signal });
      return bypassingServices(items, pods, serverPort);
    } catch (error) {
      // Safe to go on: what is not known is said to be not known, and it is asked again.
      if (!signal.aborted) log.warn('the Services of a namespace cannot be listed', { namespace, error });
      return undefined;
    }
  }

  return {
    async probe(key, signal) {
      const [namespace = '', name = ''] = key.split('/', 2);
      const server = view.servers.get(namespace, name)?.object;
      if (server === undefined) {
        found.delete(key);
        return 'Gone';
      }
      const findings = await look(server, view.pods.byIndex(PODS_OF_SERVER, key).filter(({ isLive }) => isLive), signal);
      // What was cut short says nothing.
      if (signal.aborted || isDeepStrictEqual(found.get(key), findings)) return 'Same';
      found.set(key, findings);
      return 'Changed';
    },
    findings: (key) => found.get(key),
  };
}
