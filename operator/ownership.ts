/** Whether an object of the cluster was made for an MCPServer: the one that it names as its owner. */
import { isRecord, own } from '../manifest/record.ts';
import type { KubeObject } from './kube/kube-object.ts';

/** Of this very server, not of one made before under its name. */
export function isOwnedBy(object: KubeObject, uid: string): boolean {
  return ownersOf(object).some((owner) => own(owner, 'uid') === uid);
}

export function isOwnedByAnyServer(object: KubeObject): boolean {
  return ownersOf(object).some((owner) => {
    const apiVersion = own(owner, 'apiVersion');
    return own(owner, 'kind') === 'MCPServer' && typeof apiVersion === 'string' && apiVersion.startsWith('mcpgateway.dev/');
  });
}

function ownersOf({ metadata }: KubeObject): readonly unknown[] {
  const owners = own(metadata, 'ownerReferences');
  return Array.isArray(owners) ? owners.filter(isRecord) : [];
}
