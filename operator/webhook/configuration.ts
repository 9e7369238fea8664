/**
 * The registration of the webhook. Without `caBundle`: the operator writes that one field itself, and whoever renders it
 * too would take it away again.
 */
import { SERVER_LABEL } from '../../api/annotations.ts';
import type { JsonObject } from './json.ts';
import { INJECT_PATH } from './names.ts';

export type WebhookClient =
  | { readonly service: { readonly name: string; readonly namespace: string; readonly port: number } }
  | { readonly url: string };

export interface WebhookConfigurationOptions {
  readonly name: string;
  /** Whose pods are never injected: the operator could not start without itself. */
  readonly operatorNamespace: string;
  readonly client: WebhookClient;
  readonly labels?: Readonly<Record<string, string>>;
}

export const WEBHOOK_NAME = 'inject.mcpgateway.dev';

export function webhookConfiguration({ name, operatorNamespace, client, labels }: WebhookConfigurationOptions): JsonObject {
  const excluded = ['kube-system', 'kube-node-lease', operatorNamespace];
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name, ...(labels === undefined ? {} : { labels }) },
    webhooks: [
      {
        name: WEBHOOK_NAME,
        admissionReviewVersions: ['v1'],
        clientConfig: 'url' in client ? { url: client.url } : { service: { ...client.service, path: INJECT_PATH } },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: 'Namespaced' }],
        // Only labelled pods wait for us, and none of them runs without us.
        failurePolicy: 'Fail',
        objectSelector: { matchExpressions: [{ key: SERVER_LABEL, operator: 'Exists' }] },
        namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: [...new Set(excluded)] }] },
        matchConditions: [{ name: 'no-mirror-pods', expression: NOT_MIRRORED }],
        matchPolicy: 'Equivalent',
        reinvocationPolicy: 'IfNeeded',
        // The Event of a refusal.
        sideEffects: 'NoneOnDryRun',
        timeoutSeconds: 5,
      },
    ],
  };
}

/** Reading a key of absent annotations is an error, and with `Fail` it would refuse the pod. */
const NOT_MIRRORED = "!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)";
