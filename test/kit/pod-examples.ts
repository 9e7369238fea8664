/** Pods and servers as the API server hands them to a webhook, and the settings that they are patched with. */
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import type { PatchOperation } from '../../operator/webhook/patch-operation.ts';
import type { InjectionSettings } from '../../operator/webhook/settings.ts';

export type Mutable = Record<string, unknown>;

export const SETTINGS: InjectionSettings = {
  image: 'registry.example/mcpgateway/sidecar:1.2.3',
  imageRepositories: ['mirror.example:5000/mcpgateway'],
  imagePullPolicy: 'IfNotPresent',
  version: '1.2.3',
  logLevel: 'info',
  ports: { https: 8443, peer: 8445, admin: 9901 },
  operatorAddress: 'mcpgateway-bundles.mcpgateway-system.svc:8444',
  audiencePrefix: 'mcpgateway.dev',
  authoritiesConfigMap: 'mcpgateway-authorities',
  runAsUser: 64_873,
  resources: { cpuRequest: '50m', memoryRequest: '96Mi', memoryLimit: '256Mi' },
};

export function aGuardedServer(spec: Partial<MCPServer['spec']> = {}, metadata: Partial<MCPServer['metadata']> = {}): MCPServer {
  return {
    apiVersion: 'mcpgateway.dev/v1alpha1',
    kind: 'MCPServer',
    metadata: { name: 'github', namespace: 'tools', ...metadata },
    spec: { upstream: { port: 3000, path: '/mcp', transport: 'StreamableHTTP', directAccess: 'Blocked' }, authentication: { gatewayTokens: { bearer: true } }, ...spec },
  };
}

/** The smallest labelled pod. */
export function aPod(spec: Mutable = {}, metadata: Mutable = {}): Mutable {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'github-0', labels: { 'mcpgateway.dev/server': 'github' }, ...metadata },
    spec: { containers: [{ name: 'server', image: 'registry.example/github-mcp:1' }], ...spec },
  };
}

export function aReview(object: unknown, request: Mutable = {}): Mutable {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'tools',
      operation: 'CREATE',
      dryRun: false,
      object,
      oldObject: null,
      ...request,
    },
  };
}

/** RFC 6902, as far as our patches use it; stricter than an API server: what is not there cannot be replaced. */
export function applyPatch(document: unknown, patch: readonly PatchOperation[]): Mutable {
  const result = structuredClone(document) as Mutable;
  for (const operation of patch) applyOperation(result, operation);
  return result;
}

function applyOperation(document: Mutable, operation: PatchOperation): void {
  const keys = operation.path.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  const parent = keys.reduce<unknown>((at, key) => (at as Mutable)[key], document);
  if (typeof parent !== 'object' || parent === null) throw new TypeError(`nothing at ${operation.path}`);
  if (operation.op !== 'add' && !Object.hasOwn(parent, last)) throw new TypeError(`nothing to ${operation.op} at ${operation.path}`);
  if (Array.isArray(parent)) spliceList(parent, last, operation);
  else if (operation.op === 'remove') delete (parent as Mutable)[last];
  else (parent as Mutable)[last] = structuredClone(operation.value);
}

function spliceList(list: unknown[], key: string, operation: PatchOperation): void {
  const index = key === '-' ? list.length : Number(key);
  if (!Number.isInteger(index) || index > list.length) throw new TypeError(`no such place: ${operation.path}`);
  if (operation.op === 'remove') list.splice(index, 1);
  else list.splice(index, operation.op === 'add' ? 0 : 1, structuredClone(operation.value));
}
