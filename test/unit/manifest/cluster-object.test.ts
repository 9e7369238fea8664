import { describe, expect, test } from '@jest/globals';
import { createClusterObjectReader } from '../../../manifest/cluster-object.ts';

const readToken = createClusterObjectReader('GatewayToken');
const readServer = createClusterObjectReader('MCPServer');

const metadata = {
  name: 'ci', namespace: 'tools', uid: 'u1', resourceVersion: '7', generation: 3, creationTimestamp: '2026-01-01T00:00:00Z',
  labels: { team: 'a' }, annotations: { note: 'x' }, finalizers: ['someone/else'], ownerReferences: [{ uid: 'o' }], managedFields: [],
};
const spec = { type: 'Bearer', source: { type: 'Generated' }, identity: { user: 'ci' }, permissions: [{ serverRefs: [{ name: 'github' }], tools: ['*'] }], lifetime: '24h', secretRef: { name: 'ci-token' } };
const aToken = (over: object = {}, meta: object = {}) => ({ apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'GatewayToken', metadata: { ...metadata, ...meta }, spec: { ...spec, ...over }, status: { conditions: [] } });

describe('an object of the cluster', () => {
  test('keeps what the server added, and loses its status and what belongs to other controllers', () => {
    const token = readToken(aToken());
    expect(token.metadata).toEqual({
      name: 'ci', namespace: 'tools', uid: 'u1', resourceVersion: '7', generation: 3, creationTimestamp: '2026-01-01T00:00:00Z', labels: { team: 'a' }, annotations: { note: 'x' },
    });
    expect(token).not.toHaveProperty('status');
    expect(token.spec).toMatchObject({ revoked: false, binding: 'None', identity: { user: 'ci' } });
  });

  test('says that it is being deleted', () => {
    expect(readToken(aToken({}, { deletionTimestamp: '2026-01-02T00:00:00Z' })).metadata.deletionTimestamp).toBe('2026-01-02T00:00:00Z');
  });

  test.each([
    ['an unknown field', aToken({ extra: 1 }), 'spec.extra'],
    ['a wrong type', aToken({ revoked: 'no' }), 'spec.revoked'],
    ['another kind', { ...aToken(), kind: 'MCPServer' }, 'kind'],
    ['no spec', { ...aToken(), spec: undefined }, 'spec'],
  ])('is refused with %s, by the path of the field', (_what, raw, field) => {
    expect(() => readToken(raw)).toThrow(TypeError);
    expect(() => readToken(raw)).toThrow(field);
  });

  test('is read by the schema of its own kind', () => {
    const server = { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', metadata, spec: { upstream: { port: 3000 }, authentication: { gatewayTokens: {} } } };
    expect(readServer(server).spec).toMatchObject({ upstream: { port: 3000, path: '/mcp', transport: 'StreamableHTTP' } });
  });
});
