/** Tokens that are made, changed, rotated, revoked and deleted without end, at a bounded rate; and what should be in force because of it. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterAccess } from '../kit/cluster-access.ts';

export interface Churn {
  readonly changes: number;
  /** Resolves when the last change is made. */
  stop(): Promise<void>;
}

const MOST_TOKENS = 60;
const EVERY_MS = 200;

export function startChurn(cluster: ClusterAccess, namespace: string): Churn {
  const over = new AbortController();
  const names: string[] = [];
  let made = 0;
  let changes = 0;
  const collection = `/apis/mcpgateway.dev/v1alpha1/namespaces/${namespace}/gatewaytokens`;

  async function send(method: string, path: string, body?: object): Promise<void> {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const { status, text } = await cluster.request(method, path, body, contentType);
    if (status >= 300) throw new Error(`${method} ${path}: ${text}`);
    changes += 1;
  }

  async function create(): Promise<void> {
    const name = `token-${String(made++)}`;
    const spec = {
      type: 'Bearer', source: { type: 'Generated' }, identity: { user: name }, lifetime: '24h', secretRef: { name: `${name}-secret` },
      permissions: [{ serverRefs: [{ name: 'github' }], tools: ['get_*'] }],
    };
    await send('POST', collection, { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'GatewayToken', metadata: { name }, spec });
    names.push(name);
  }

  const verbs: readonly ((name: string) => Promise<void>)[] = [
    (name) => send('PATCH', `${collection}/${name}`, { metadata: { annotations: { 'mcpgateway.dev/rotate-requested-at': new Date().toISOString().replace(/\.\d+/, '') } } }),
    (name) => send('PATCH', `${collection}/${name}`, { spec: { permissions: [{ serverRefs: [{ name: 'github' }], tools: [`get_${String(randomInt(1000))}`] }] } }),
    (name) => send('PATCH', `${collection}/${name}`, { spec: { revoked: true } }),
    async (name) => {
      names.splice(names.indexOf(name), 1);
      await send('DELETE', `${collection}/${name}`);
    },
  ];

  async function changeOne(): Promise<void> {
    const name = names[randomInt(Math.max(names.length, 1))];
    const mayCreate = names.length < MOST_TOKENS;
    const choice = randomInt(verbs.length + (mayCreate ? 2 : 0));
    const verb = name === undefined ? undefined : verbs[names.length >= MOST_TOKENS ? verbs.length - 1 : choice];
    await (verb === undefined || name === undefined ? create() : verb(name));
  }

  const ended = (async () => {
    while (!over.signal.aborted) {
      await changeOne();
      await pause(EVERY_MS);
    }
  })();
  // Heard of by `stop`.
  ended.catch(() => undefined);
  return {
    get changes() {
      return changes;
    },
    async stop() {
      over.abort();
      await ended;
    },
  };
}
