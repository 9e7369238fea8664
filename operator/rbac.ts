/**
 * Everything the operator's account may do. Outside its namespace it reads no Secret: it may create and patch them, and
 * the admission policy of its account confines that to Secrets of its own type (operator/policies/operator-account.ts).
 */
import type { JsonObject } from './webhook/json.ts';
import { AUTHORITIES_CONFIG_MAP } from './webhook/names.ts';

export interface RbacSettings {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Name of the MutatingWebhookConfiguration. */
  readonly webhookConfiguration: string;
}

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const WATCH = ['get', 'list', 'watch'];
const APPLY = ['create', 'patch'];

/** In every namespace. */
export function clusterRules({ webhookConfiguration }: Pick<RbacSettings, 'webhookConfiguration'>): readonly PolicyRule[] {
  return [
    { apiGroups: ['mcpgateway.dev'], resources: ['gatewaytokens', 'mcpservers'], verbs: WATCH },
    { apiGroups: ['mcpgateway.dev'], resources: ['gatewaytokens/status', 'mcpservers/status'], verbs: ['patch'] },
    { apiGroups: [''], resources: ['namespaces', 'pods'], verbs: WATCH },
    { apiGroups: [''], resources: ['secrets', 'configmaps'], verbs: APPLY },
    // Read as well: one that somebody else made is left alone.
    // Listed to find those that send clients past a sidecar.
    { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', ...APPLY] },
    // That one alone is read, to see whose it is.
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: [AUTHORITIES_CONFIG_MAP] },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['get', ...APPLY] },
    { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: APPLY },
    { apiGroups: ['admissionregistration.k8s.io'], resources: ['mutatingwebhookconfigurations'], verbs: ['get', 'patch'], resourceNames: [webhookConfiguration] },
  ];
}

/** In its own namespace: the ledger, the authorities, the lease. */
export function homeRules(): readonly PolicyRule[] {
  return [
    { apiGroups: [''], resources: ['secrets'], verbs: [...WATCH, 'create', 'update'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
  ];
}

/** The account, its roles and their bindings. */
export function operatorAccess(settings: RbacSettings): readonly JsonObject[] {
  const { namespace, serviceAccount } = settings;
  const name = serviceAccount;
  const rbac = 'rbac.authorization.k8s.io';
  const subjects = [{ kind: 'ServiceAccount', namespace, name: serviceAccount }];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules: clusterRules(settings).map(asJson) },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name }, roleRef: { apiGroup: rbac, kind: 'ClusterRole', name }, subjects },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { namespace, name }, rules: homeRules().map(asJson) },
    { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata: { namespace, name }, roleRef: { apiGroup: rbac, kind: 'Role', name }, subjects },
  ];
}

function asJson({ apiGroups, resources, verbs, resourceNames }: PolicyRule): JsonObject {
  return { apiGroups, resources, verbs, ...(resourceNames === undefined ? {} : { resourceNames }) };
}
