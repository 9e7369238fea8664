/**
 * What the operator's own account may write, beyond what RBAC can say: RBAC knows no types, owners or fields, and the
 * verb `patch` also reads. Its own namespace is its own affair, where its ledger and keys are.
 */
import type { JsonObject } from '../webhook/json.ts';
import { policyWithBinding, text } from './policy.ts';
import type { NamedExpression } from './policy.ts';

export interface OperatorAccount {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** A Secret's type is immutable: what has this one was made for a token. */
export const TOKEN_SECRET_TYPE = 'mcpgateway.dev/token';

export function operatorAccountPolicies(account: OperatorAccount): readonly JsonObject[] {
  const byOperator: NamedExpression = {
    name: 'by-the-operator',
    expression: `request.userInfo.username == ${text(`system:serviceaccount:${account.namespace}:${account.serviceAccount}`)}`,
  };
  const elsewhere: NamedExpression = { name: 'elsewhere', expression: `request.namespace != ${text(account.namespace)}` };
  return [...secrets([byOperator, elsewhere]), ...owned([byOperator, elsewhere]), ...webhookConfigurations([byOperator])];
}

function secrets(matchConditions: readonly NamedExpression[]): readonly JsonObject[] {
  const type = text(TOKEN_SECRET_TYPE);
  return policyWithBinding({
    name: 'mcpgateway-operator-secrets',
    resourceRules: [{ operations: ['CREATE', 'UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['secrets'] }],
    matchConditions,
    validations: [
      {
        // The old object too: the answer to an empty patch would show a stranger's Secret.
        expression: `object.type == ${type} && (oldObject == null || oldObject.type == ${type})`,
        message: `the operator writes Secrets of type ${TOKEN_SECRET_TYPE} alone`,
      },
    ],
  });
}

function owned(matchConditions: readonly NamedExpression[]): readonly JsonObject[] {
  const isOwned = (object: string): string =>
    `has(${object}.metadata.ownerReferences) && ${object}.metadata.ownerReferences.exists(o, o.apiVersion.startsWith('mcpgateway.dev/') && o.kind == 'MCPServer')`;
  return policyWithBinding({
    name: 'mcpgateway-operator-owned',
    resourceRules: [
      { operations: ['CREATE', 'UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['services', 'configmaps'] },
      { operations: ['CREATE', 'UPDATE'], apiGroups: ['networking.k8s.io'], apiVersions: ['v1'], resources: ['networkpolicies'] },
    ],
    matchConditions,
    validations: [
      {
        expression: `${isOwned('object')} && (oldObject == null || (${isOwned('oldObject')}))`,
        message: 'the operator writes Services, ConfigMaps and NetworkPolicies that an MCPServer owns, before and after, and no others',
      },
    ],
  });
}

/** Optional fields of a webhook; `name` and `clientConfig` are compared apart. */
const WEBHOOK_FIELDS = [
  'rules',
  'failurePolicy',
  'matchPolicy',
  'namespaceSelector',
  'objectSelector',
  'sideEffects',
  'timeoutSeconds',
  'admissionReviewVersions',
  'reinvocationPolicy',
  'matchConditions',
];

function webhookConfigurations(matchConditions: readonly NamedExpression[]): readonly JsonObject[] {
  const same = (left: string, right: string, field: string): string => `${left}.?${field} == ${right}.?${field}`;
  const webhook = [
    'o.name == w.name',
    ...['url', 'service'].map((field) => same('o.clientConfig', 'w.clientConfig', field)),
    ...WEBHOOK_FIELDS.map((field) => same('o', 'w', field)),
  ].join(' && ');
  const metadata = ['labels', 'annotations', 'ownerReferences', 'finalizers'].map((field) => same('oldObject.metadata', 'object.metadata', field)).join(' && ');
  return policyWithBinding({
    name: 'mcpgateway-operator-webhooks',
    resourceRules: [
      { operations: ['CREATE', 'UPDATE'], apiGroups: ['admissionregistration.k8s.io'], apiVersions: ['*'], resources: ['mutatingwebhookconfigurations'] },
    ],
    matchConditions,
    variables: [
      { name: 'now', expression: 'has(object.webhooks) ? object.webhooks : []' },
      { name: 'before', expression: 'oldObject != null && has(oldObject.webhooks) ? oldObject.webhooks : []' },
    ],
    validations: [
      {
        expression: `oldObject != null && variables.now.size() == variables.before.size() && ${metadata} && variables.now.all(w, variables.before.exists(o, ${webhook}))`,
        message: 'the operator changes caBundle in webhook configurations, and nothing else',
      },
    ],
  });
}
