/** Tells the API server whom to trust as the webhook. Only `caBundle` is written; what it should say is put back when somebody else changed it. */
import { isRecord, own } from '../../manifest/record.ts';
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/kube-error.ts';
import type { KubeObject } from '../kube/kube-object.ts';
import { MUTATING_WEBHOOK_CONFIGURATIONS } from '../kube/resources.ts';
import { WEBHOOK_NAME } from '../webhook/configuration.ts';

export type WebhookTrust = 'written' | 'unchanged' | 'missing';

const FIELD_MANAGER = 'mcpgateway-webhook';

/** `missing`: there is no such configuration; the chart makes it, and nothing is made in its place. */
export async function publishWebhookTrust(
  client: Pick<KubeClient, 'get' | 'apply'>,
  name: string,
  authoritiesPem: string,
  signal: AbortSignal,
): Promise<WebhookTrust> {
  const caBundle = Buffer.from(authoritiesPem, 'utf8').toString('base64');
  const found = await find(client, name, signal);
  if (found === undefined) return 'missing';
  if (bundleIn(found) === caBundle) return 'unchanged';
  const webhooks = [{ name: WEBHOOK_NAME, clientConfig: { caBundle } }];
  const object = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', metadata: { name }, webhooks };
  await client.apply(MUTATING_WEBHOOK_CONFIGURATIONS, object, { fieldManager: FIELD_MANAGER, force: true, signal });
  return 'written';
}

async function find(client: Pick<KubeClient, 'get'>, name: string, signal: AbortSignal): Promise<KubeObject | undefined> {
  try {
    return await client.get(MUTATING_WEBHOOK_CONFIGURATIONS, { name }, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function bundleIn({ webhooks }: KubeObject): unknown {
  const ours: unknown = Array.isArray(webhooks) ? webhooks.find((webhook: unknown) => isRecord(webhook) && webhook['name'] === WEBHOOK_NAME) : undefined;
  return own(own(ours, 'clientConfig'), 'caBundle');
}
