/** The injection webhook as the operator runs it, registered with a control plane by url. */
import { createAuthority, issueServingPair } from '../../pki/authority.ts';
import { trustBundle } from '../../pki/rotation.ts';
import { webhookConfiguration } from '../../operator/webhook/configuration.ts';
import type { PatchOperation } from '../../operator/webhook/patch-operation.ts';
import { allowing } from '../../operator/webhook/admission-review.ts';
import { createInjector } from '../../operator/webhook/inject.ts';
import type { InjectionOutcome } from '../../operator/webhook/inject.ts';
import { INJECT_PATH } from '../../operator/webhook/names.ts';
import { createWebhookServer } from '../../operator/webhook/server.ts';
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import type { Logger } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import type { ControlPlane } from './control-plane.ts';
import { SETTINGS } from './pod-examples.ts';

export interface PodWebhook {
  readonly configurationName: string;
  /** Every answer so far, in order. */
  readonly outcomes: readonly InjectionOutcome[];
  metricsText(): Promise<string>;
  stop(): Promise<void>;
}

export const QUIET: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => QUIET };

const DAY_MS = 86_400_000;

export async function startPodWebhook(cluster: ControlPlane, operatorNamespace: string): Promise<PodWebhook> {
  const nowMs = Date.now();
  const authority = await createAuthority({ commonName: 'mcpgateway webhook', nowMs, lifetimeMs: 365 * DAY_MS });
  const certificate = await issueServingPair(authority, { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], nowMs, lifetimeMs: DAY_MS });
  const outcomes: InjectionOutcome[] = [];
  const metrics = createMetrics();
  const inject = createInjector({ serverOf: (namespace, name) => readServer(cluster, namespace, name), settings: () => SETTINGS, refused: () => undefined, log: QUIET });
  const server = createWebhookServer(
    {
      inject: async (body) => {
        const outcome = await inject(body);
        outcomes.push(outcome);
        return outcome;
      },
      metrics,
      log: QUIET,
    },
    { address: '127.0.0.1', port: 0, certificate },
  );
  const { port } = await server.start();
  const configurationName = 'mcpgateway-injection';
  const configuration = webhookConfiguration({ name: configurationName, operatorNamespace, client: { url: `https://127.0.0.1:${port}${INJECT_PATH}` } });
  await applyObject(cluster, withCaBundle(configuration, trustBundle([authority.certificatePem])));
  return { configurationName, outcomes, metricsText: async () => (await metrics.render()).text, stop: () => server.stop(0) };
}

/** Another webhook, called after ours, that gives every container of a labelled pod one more variable. */
export async function startMeddler(cluster: ControlPlane): Promise<{ stop(): Promise<void> }> {
  const nowMs = Date.now();
  const authority = await createAuthority({ commonName: 'meddler', nowMs, lifetimeMs: DAY_MS });
  const certificate = await issueServingPair(authority, { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], nowMs, lifetimeMs: DAY_MS });
  const server = createWebhookServer({ inject: meddle, metrics: createMetrics(), log: QUIET }, { address: '127.0.0.1', port: 0, certificate });
  const { port } = await server.start();
  const name = 'zz-meddler';
  const configuration = webhookConfiguration({ name, operatorNamespace: 'nobody', client: { url: `https://127.0.0.1:${port}${INJECT_PATH}` } });
  const registered = withCaBundle(configuration, authority.certificatePem) as { webhooks: object[] };
  // Never: it has the second word, and ours the last.
  await applyObject(cluster, { ...registered, webhooks: registered.webhooks.map((one) => ({ ...one, reinvocationPolicy: 'Never' })) });
  return {
    stop: async () => {
      await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', name]);
      await server.stop(0);
    },
  };
}

async function meddle(body: unknown): Promise<InjectionOutcome> {
  const { request } = body as { request: { uid: string; object: { spec: Record<string, { env?: unknown[] }[]> } } };
  const value = { name: 'MEDDLED', value: 'yes' };
  const patch = ['containers', 'initContainers'].flatMap((kind) =>
    (request.object.spec[kind] ?? []).map(({ env }, index): PatchOperation => {
      const at = `/spec/${kind}/${index}/env`;
      return env === undefined ? { op: 'add', path: at, value: [value] } : { op: 'add', path: `${at}/-`, value };
    }),
  );
  return { result: 'injected', reason: 'Injected', review: allowing(request.uid, patch) };
}

/** As administrator, through kubectl, which knows the path of every kind. */
export async function applyObject(cluster: ControlPlane, object: object): Promise<void> {
  const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
  if (code !== 0) throw new Error(stderr);
}

function withCaBundle(configuration: object, pem: string): object {
  const result = structuredClone(configuration) as { webhooks: { clientConfig: { caBundle?: string } }[] };
  for (const { clientConfig } of result.webhooks) clientConfig.caBundle = Buffer.from(pem).toString('base64');
  return result;
}

async function readServer(cluster: ControlPlane, namespace: string, name: string): Promise<MCPServer | undefined> {
  const { status, body } = await cluster.request('GET', `/apis/mcpgateway.dev/v1alpha1/namespaces/${namespace}/mcpservers/${name}`);
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`the API server answered ${status}`);
  return body as unknown as MCPServer;
}
