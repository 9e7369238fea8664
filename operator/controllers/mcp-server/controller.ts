/** Reconciles one MCPServer: its session key, the objects that belong to it, its status. Only the leader runs it. */
import { randomBytes } from 'node:crypto';
import type { MCPServer } from '../../../api/v1alpha1/index.ts';
import type { ObjectProblem } from '../../../core/bundle/problem.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { BypassFindings } from '../../bypass/prober.ts';
import type { Condition } from '../../kube/conditions.ts';
import { sameStatus } from '../../kube/conditions.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { MCP_SERVERS } from '../../kube/resources.ts';
import type { Outcome } from '../../kube/work-queue.ts';
import type { ClusterLedger } from '../../ledger/ledger.ts';
import type { AuthoritiesPem, ObjectFacts } from './derive.ts';
import type { PodExposure } from './exposure.ts';
import { serverHappenings } from './happenings.ts';
import { createObjectWriter, FIELD_MANAGER } from './objects.ts';
import type { ObjectWriterDeps } from './objects.ts';
import { serverStatus } from './status.ts';
import type { SidecarFacts, StatusFacts } from './status.ts';

export interface ServerName {
  readonly namespace: string;
  readonly name: string;
}

export interface ServerSources {
  server(name: ServerName): MCPServer | undefined;
  problems(name: ServerName): readonly ObjectProblem[];
  sidecars(server: MCPServer): SidecarFacts;
  /** The live pods of the server. */
  pods(name: ServerName): readonly PodExposure[];
  bypass(name: ServerName): BypassFindings | undefined;
  status(name: ServerName): { readonly conditions: readonly Condition[]; readonly whole: unknown };
  authorities(): AuthoritiesPem;
}

export interface ServerControllerDeps extends ObjectWriterDeps {
  readonly client: Pick<KubeClient, 'get' | 'apply' | 'applyStatus'>;
  readonly ledger: Pick<ClusterLedger, 'ensureSessionKey'>;
  readonly sources: ServerSources;
  readonly settings: Pick<ObjectFacts, 'ports' | 'authoritiesConfigMap'>;
  readonly record: EventRecorder['record'];
  readonly clock: Clock;
}

const SESSION_KEY_BYTES = 32;
/** Nobody watches what was written here. Shorter than an authority is trusted before it signs: its pods must have it by then. */
const REPEAT_MS = 8 * 60_000;
/** What is in the way may go without a sign. */
const RETRY_MS = 30_000;

export function createServerController(deps: ServerControllerDeps): (key: string, signal: AbortSignal) => Promise<Outcome> {
  const { client, ledger, sources, settings, clock } = deps;
  const writeObjects = createObjectWriter(deps);

  return async function reconcile(key, signal) {
    const name = readKey(key);
    const server = sources.server(name);
    // What belongs to it goes with it, by its owner references.
    if (server?.metadata.uid === undefined || server.metadata.deletionTimestamp !== undefined) return undefined;
    await ledger.ensureSessionKey(server.metadata.uid, () => randomBytes(SESSION_KEY_BYTES).toString('base64url'), signal);
    const written = await writeObjects({ server, authorities: sources.authorities(), ...settings }, signal);
    await writeStatus({ ...observe(server), written }, signal);
    // Only now: whatever else fails, the status says what is known.
    if (written.failures.length > 0) throw new AggregateError(written.failures, 'not every object of the server was written');
    const isComplete = written.foreign.length + written.refused.length === 0 && !written.areAuthoritiesForeign;
    return { requeueAfterMs: isComplete ? REPEAT_MS : RETRY_MS };
  };

  function observe(server: MCPServer): Omit<StatusFacts, 'written'> {
    const name = server.metadata;
    return {
      server,
      problems: sources.problems(name),
      sidecars: sources.sidecars(server),
      pods: sources.pods(name),
      bypass: sources.bypass(name),
      authoritiesConfigMap: settings.authoritiesConfigMap,
      nowMs: clock.nowMs(),
    };
  }

  async function writeStatus(facts: StatusFacts, signal: AbortSignal): Promise<void> {
    const { apiVersion, kind, metadata } = facts.server;
    const stored = sources.status(metadata);
    const status = serverStatus(facts, stored.conditions);
    if (sameStatus(stored.whole, status)) return;
    const object = { apiVersion, kind, metadata: { namespace: metadata.namespace, name: metadata.name }, status };
    await client.applyStatus(MCP_SERVERS, object, { fieldManager: `${FIELD_MANAGER}-status`, force: true, signal });
    for (const happening of serverHappenings(facts.server, stored.conditions, status.conditions ?? [])) deps.record(happening);
  }
}

function readKey(key: string): ServerName {
  const [namespace = '', name = ''] = key.split('/', 2);
  return { namespace, name };
}
