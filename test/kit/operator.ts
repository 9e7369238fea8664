/** The real operator inside the test's process, against a real API server. */
import { randomInt } from 'node:crypto';
import { Writable } from 'node:stream';
import type { Bundle } from '../../api/bundle.ts';
import { parseGatewayConfig } from '../../manifest/gateway-config.ts';
import { createClusterView } from '../../operator/cluster-view.ts';
import { createKubeClient } from '../../operator/kube/client.ts';
import { createEventRecorder } from '../../operator/kube/events.ts';
import { createKubeMetrics } from '../../operator/kube/kube-metrics.ts';
import { createLeaderElection } from '../../operator/kube/lease.ts';
import { systemScheduler } from '../../operator/kube/scheduler.ts';
import { createOperator } from '../../operator/operator.ts';
import type { SidecarStreams } from '../../operator/streams.ts';
import { createUsageMemory } from '../../operator/usage/usage-memory.ts';
import type { UsageMemory } from '../../operator/usage/usage-memory.ts';
import { createLogger } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { createTryConnect } from '../../runtime/try-connect.ts';
import { SETTINGS } from './pod-examples.ts';

export interface TestOperator {
  /** What is published, by `<namespace>/<name>` of the server. */
  bundle(server: string): Bundle | undefined;
  /** What sidecars would report to. */
  readonly usage: UsageMemory;
  logText(): string;
  /** Resolves when the process would have ended. */
  stop(): Promise<void>;
}

export interface TestOperatorSettings {
  /** Text of a kubeconfig. */
  readonly kubeconfig: string;
  /** The operator's own namespace; it must exist. */
  readonly namespace: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly streams?: SidecarStreams;
}

export async function startOperator(settings: TestOperatorSettings): Promise<TestOperator> {
  const logged: string[] = [];
  const log = createLogger({ level: 'debug', stream: new Writable({ write: (chunk: Buffer, _encoding, done) => { logged.push(chunk.toString()); done(); } }) });
  const registry = createMetrics();
  const metrics = createKubeMetrics(registry);
  const clock = systemScheduler;
  const client = createKubeClient({ kubeConfig: { type: 'Text', yaml: settings.kubeconfig }, userAgent: 'mcpgateway-test', clock, metrics });
  const published = new Map<string, Bundle>();
  const streams = settings.streams ?? unconnected();
  const view = createClusterView({ client, namespace: settings.namespace, clock, log, metrics, random: () => randomInt(2 ** 32) / 2 ** 32 });
  const usage = createUsageMemory({ tokenOf: ({ namespace, name }) => view.tokens.get(namespace, name)?.object, clock, metrics: registry });
  const operator = createOperator({
    client,
    view,
    usage,
    streams: {
      ...streams,
      publish(bundle) {
        published.set(`${bundle.server.namespace}/${bundle.server.name}`, bundle);
        streams.publish(bundle);
      },
      retract(server) {
        published.delete(server);
        streams.retract(server);
      },
    },
    election: createLeaderElection({ client, namespace: settings.namespace, name: 'mcpgateway-operator', candidate: 'test', clock, log, metrics }),
    events: createEventRecorder({ client, controller: 'mcpgateway.dev/operator', instance: 'test', clock, log, metrics }),
    namespace: settings.namespace,
    config: () => parseGatewayConfig(JSON.stringify({ listener: { plainHTTP: true }, ...settings.config }), 'gateway-config.json'),
    authorities: () => ({ stream: 'test authorities', serving: 'serving authorities' }),
    peerAuthorities: () => ({ certificates: ['peer authorities'], resourceVersion: '1' }),
    settings: { ...SETTINGS, ports: { https: 15_443, admin: 15_090, peer: 15_444 } },
    tryConnect: createTryConnect(3_000),
    clock,
    log,
    metrics,
  });
  const ending = new AbortController();
  const running = operator.run(ending.signal);
  return {
    bundle: (server) => published.get(server),
    usage,
    logText: () => logged.join(''),
    async stop() {
      ending.abort();
      await running;
      await client.close();
    },
  };
}

/** No sidecar is connected. */
function unconnected(): SidecarStreams {
  const nothing = () => undefined;
  return { publish: nothing, retract: nothing, publication: nothing, acknowledged: () => new Map(), lastChange: nothing, droppedFrom: () => [], startedMs: nothing, onAcknowledged: nothing, exposures: () => new Map(), onExposure: nothing };
}
