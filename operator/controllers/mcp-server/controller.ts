/** Reconciles one MCPServer: its session key, the objects that belong to it, its status. Only the leader runs it. */
import { randomBytes } from 'node:crypto';
import type { MCPServer } from '../../../api/v1alpha1/index.ts';
import type { ObjectProblem } from '../../../core/bundle/problem.ts';
import { isRecord, own } from '../../../manifest/record.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Condition } from '../../kube/conditions.ts';
import { sameStatus } from '../../kube/conditions.ts';
import { isNotFound } from '../../kube/kube-error.ts';
import { CONFIG_MAPS, MCP_SERVERS, NETWORK_POLICIES, SERVICES } from '../../kube/resources.ts';
import type { Resource } from '../../kube/resources.ts';
import type { Outcome } from '../../kube/work-queue.ts';
import type { ClusterLedger } from '../../ledger/ledger.ts';
import { authoritiesObject, serverObjects, serverStatus } from './derive.ts';
import type { AuthoritiesPem, ServerFacts, SidecarCount } from './derive.ts';

export interface ServerName {
  readonly namespace: string;
  readonly name: string;
}

export interface ServerSources {
  server(name: ServerName): MCPServer | undefined;
  problems(name: ServerName): readonly ObjectProblem[];
  sidecars(name: ServerName): SidecarCount;
  status(name: ServerName): { readonly conditions: readonly Condition[]; readonly whole: unknown };
  authorities(): AuthoritiesPem;
}

export interface ServerControllerDeps {
  readonly client: Pick<KubeClient, 'get' | 'apply' | 'applyStatus'>;
  readonly ledger: Pick<ClusterLedger, 'ensureSessionKey'>;
  readonly sources: ServerSources;
  readonly settings: Pick<ServerFacts, 'ports' | 'authoritiesConfigMap'>;
  readonly clock: Clock;
}

const FIELD_MANAGER = 'mcpgateway-mcpserver';
const SESSION_KEY_BYTES = 32;
/** Nobody watches what was written here. Shorter than an authority is trusted before it signs: its pods must have it by then. */
const REPEAT_MS = 8 * 60_000;

export function createServerController(deps: ServerControllerDeps): (key: string, signal: AbortSignal) => Promise<Outcome> {
  const { client, ledger, sources, settings, clock } = deps;

  return async function reconcile(key, signal) {
    const name = readKey(key);
    const server = sources.server(name);
    // What belongs to it goes with it, by its owner references.
    if (server?.metadata.uid === undefined || server.metadata.deletionTimestamp !== undefined) return undefined;
    await ledger.ensureSessionKey(server.metadata.uid, () => randomBytes(SESSION_KEY_BYTES).toString('base64url'), signal);
    const facts = observe(server);
    const foreign = await applyObjects(facts, signal);
    await writeStatus({ ...facts, foreign }, signal);
    return { requeueAfterMs: REPEAT_MS };
  };

  function observe(server: MCPServer): ServerFacts {
    const name = server.metadata;
    return {
      server,
      problems: sources.problems(name),
      sidecars: sources.sidecars(name),
      authorities: sources.authorities(),
      foreign: [],
      nowMs: clock.nowMs(),
      ...settings,
    };
  }

  /** The names of objects that somebody else made; none of them is changed. */
  async function applyObjects(facts: ServerFacts, signal: AbortSignal): Promise<readonly string[]> {
    const { service, networkPolicy } = serverObjects(facts);
    const owned = [[SERVICES, service], [NETWORK_POLICIES, networkPolicy]] as const;
    const foreign: string[] = [];
    for (const [resource, object] of owned) {
      if (await isForeign(resource, object.metadata, facts.server, signal)) foreign.push(`${resource.kind} ${object.metadata.name}`);
      else await client.apply(resource, object, { fieldManager: FIELD_MANAGER, force: true, signal });
    }
    // Every server of the namespace is an owner, each by a manager of its own: one manager would put the last in place of all.
    await client.apply(CONFIG_MAPS, authoritiesObject(facts), { fieldManager: `${FIELD_MANAGER}-${facts.server.metadata.uid ?? ''}`, force: true, signal });
    return foreign;
  }

  async function isForeign(resource: Resource, ref: ServerName, server: MCPServer, signal: AbortSignal): Promise<boolean> {
    try {
      const found = await client.get(resource, { namespace: ref.namespace, name: ref.name }, { signal });
      const owners = own(found.metadata, 'ownerReferences');
      return !Array.isArray(owners) || !owners.some((owner) => isRecord(owner) && owner['uid'] === server.metadata.uid);
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async function writeStatus(facts: ServerFacts, signal: AbortSignal): Promise<void> {
    const { apiVersion, kind, metadata } = facts.server;
    const stored = sources.status(metadata);
    const status = serverStatus(facts, stored.conditions);
    if (sameStatus(stored.whole, status)) return;
    const object = { apiVersion, kind, metadata: { namespace: metadata.namespace, name: metadata.name }, status };
    await client.applyStatus(MCP_SERVERS, object, { fieldManager: `${FIELD_MANAGER}-status`, force: true, signal });
  }
}

function readKey(key: string): ServerName {
  const [namespace = '', name = ''] = key.split('/', 2);
  return { namespace, name };
}
