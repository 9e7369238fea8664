/** The objects that belong to one MCPServer. Pure. */
import { SERVER_LABEL } from '../../../api/annotations.ts';
import type { MCPServer } from '../../../api/v1alpha1/index.ts';
import { serviceName } from '../../service-name.ts';
import { PORT_NAMES } from '../../webhook/names.ts';

/** PEM texts. */
export interface AuthoritiesPem {
  /** Of the operator's stream: for sidecars. */
  readonly stream: string;
  /** Of the sidecars' serving certificates: for clients in the cluster. */
  readonly serving: string;
}

export interface ObjectFacts {
  readonly server: MCPServer;
  readonly ports: { readonly https: number; readonly peer: number };
  readonly authorities: AuthoritiesPem;
  readonly authoritiesConfigMap: string;
}

/** Guaranteed: the Service targets the sidecar's port by name, never the server's. */
export function serverObjects(facts: Pick<ObjectFacts, 'server' | 'ports'>) {
  const { server, ports } = facts;
  const { namespace, name } = server.metadata;
  const labels = { 'app.kubernetes.io/managed-by': 'mcpgateway', [SERVER_LABEL]: name };
  const metadata = (objectName: string) => ({ namespace, name: objectName, labels, ownerReferences: [ownerReference(server)] });
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(serviceName(server)),
      spec: {
        selector: { [SERVER_LABEL]: name },
        ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: PORT_NAMES.https }],
      },
    },
    networkPolicy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: metadata(serviceName(server)),
      spec: {
        podSelector: { matchLabels: { [SERVER_LABEL]: name } },
        policyTypes: ['Ingress'],
        ingress: [
          { ports: [{ protocol: 'TCP', port: ports.https }] },
          // Only sidecars of this server have anything to say there.
          { from: [{ podSelector: { matchLabels: { [SERVER_LABEL]: name } } }], ports: [{ protocol: 'TCP', port: ports.peer }] },
        ],
      },
    },
  };
}

/** One per namespace, for all servers there: each server's owner reference keeps it while any of them is left. */
export function authoritiesObject({ server, authorities, authoritiesConfigMap }: ObjectFacts) {
  const { namespace } = server.metadata;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name: authoritiesConfigMap, labels: { 'app.kubernetes.io/managed-by': 'mcpgateway' }, ownerReferences: [{ ...ownerReference(server), controller: false }] },
    data: { 'ca.crt': authorities.stream, 'serving-ca.crt': authorities.serving },
  };
}

function ownerReference({ apiVersion, kind, metadata }: MCPServer) {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: false };
}
