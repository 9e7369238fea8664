import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../../operator/kube/kube-object.ts';
import { isOwnedBy, isOwnedByAnyServer } from '../../../operator/ownership.ts';

const owned = (ownerReferences: unknown): KubeObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'x', uid: 'u', resourceVersion: '1', ownerReferences } });
const SERVER = { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', name: 'github', uid: 'server' };

test.each<[string, unknown, boolean, boolean]>([
  ['this server', [SERVER], true, true],
  ['this server and others', [{ ...SERVER, uid: 'other' }, SERVER], true, true],
  ['another server', [{ ...SERVER, uid: 'other' }], false, true],
  ['another kind of ours', [{ ...SERVER, kind: 'GatewayToken', uid: 'other' }], false, false],
  ['a kind of the same name', [{ ...SERVER, apiVersion: 'evil.dev/v1', uid: 'other' }], false, false],
  ['nobody', [], false, false],
  ['nothing that can be read', ['server'], false, false],
  ['nothing at all', undefined, false, false],
])('an object that names %s as its owner', (_who, references, ofThis, ofAny) => {
  expect([isOwnedBy(owned(references), 'server'), isOwnedByAnyServer(owned(references))]).toEqual([ofThis, ofAny]);
});
