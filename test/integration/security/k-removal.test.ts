/** K6, F12, F13, F15: the whole process over a directory from which something is taken away, or that asks for too much. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { aCall, ECHO } from '../../kit/calls.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../kit/gateway.ts';
import { createOwner } from '../../kit/owner.ts';
import { sendRaw } from '../../kit/raw-http.ts';
import { type SpyUpstream, startSpyUpstream } from '../../kit/spy-upstream.ts';
import { untilMinted, untilStatus } from '../../kit/until.ts';

const owner = createOwner();
afterEach(() => owner.stopAll());

const API = { apiVersion: 'mcpgateway.dev/v1alpha1' };
const ALL = [{ serverRefs: [{ name: 'server' }], tools: ['*'] }];

async function running(options: Partial<GatewayOptions> = {}): Promise<{ gateway: Gateway; spy: SpyUpstream }> {
  const spy = owner.own(await startSpyUpstream());
  const servers = [{ name: 'server', port: spy.port }, { name: 'other', port: spy.port }];
  const both = [{ serverRefs: [{ name: 'server' }, { name: 'other' }], tools: ['*'] }];
  const tokens = [{ name: 'alice', permissions: both }, { name: 'bob', permissions: both }];
  return { gateway: owner.own(await startGateway({ servers, tokens, ...options })), spy };
}

function callTo(gateway: Gateway, token = 'alice', path = gateway.path('server')): string {
  return aCall(gateway.tokens[token] ?? '', ECHO).replace('POST /mcp ', `POST ${path} `);
}

test('K6 a server, a token, a permission and the whole directory that are taken away deny what they allowed', async () => {
  const { gateway, spy } = await running();
  const toOther = (token: string): string => callTo(gateway, token, gateway.path('other'));
  const denied = async (bytes: string, status: number): Promise<void> => {
    await untilStatus(gateway.port, bytes, status);
    const before = spy.requests.length;
    expect((await sendRaw(gateway.port, bytes)).status).toBe(status);
    expect(spy.requests.length).toBe(before);
  };
  expect((await sendRaw(gateway.port, callTo(gateway))).status).toBe(200);
  await rm(join(gateway.dir, 'mcpserver-server.yaml'));
  await denied(callTo(gateway), 404);
  expect((await sendRaw(gateway.port, toOther('alice'))).status).toBe(200);
  await rm(join(gateway.dir, 'gatewaytoken-alice.yaml'));
  await denied(toOther('alice'), 401);
  expect((await sendRaw(gateway.port, toOther('bob'))).status).toBe(200);
  await gateway.write(gateway.tokenObject('bob', { permissions: ALL }));
  await denied(toOther('bob'), 401);
  await gateway.write(gateway.tokenObject('bob', { permissions: [{ serverRefs: [{ name: 'other' }], tools: ['*'] }] }));
  await untilStatus(gateway.port, toOther('bob'), 200);
  // Away at once: one file after the other would be so many deletions.
  await rename(gateway.dir, `${gateway.dir}-away`);
  try {
    await denied(toOther('bob'), 503);
  } finally {
    await rename(`${gateway.dir}-away`, gateway.dir);
  }
});

describe('across namespaces and objects', () => {
  const elsewhere = (name: string, object: { kind: string; metadata: { name: string } }): string => JSON.stringify({ ...object, metadata: { name, namespace: 'elsewhere' } });

  test('F12 K7 a token of another namespace is nobody where the server does not admit that namespace', async () => {
    const { gateway, spy } = await running();
    const permissions = [{ serverRefs: [{ name: 'server', namespace: 'default' }], tools: ['*'] }];
    // The same credential moves, so that nothing but its namespace differs.
    await rm(join(gateway.dir, 'gatewaytoken-alice.yaml'));
    await untilStatus(gateway.port, callTo(gateway), 401);
    await writeFile(join(gateway.dir, 'moved.yaml'), elsewhere('alice', gateway.tokenObject('alice', { permissions })));
    const [before, calls] = [gateway.auditLines().length, spy.requests.length];
    await gateway.audited((record) => record['event'] === 'snapshot.applied' && gateway.auditLines().indexOf(record) >= before);
    expect((await sendRaw(gateway.port, callTo(gateway))).status).toBe(401);
    expect(spy.requests.length).toBe(calls);
  });

  test('F13 two objects with one hash are both refused, and what somebody wrote into status counts for nothing', async () => {
    const { gateway, spy } = await running();
    await untilStatus(gateway.port, callTo(gateway), 200);
    const before = spy.requests.length;
    const twin = { ...gateway.tokenObject('alice'), metadata: { name: 'twin' } };
    await gateway.write(twin);
    await untilStatus(gateway.port, callTo(gateway), 401);
    await rm(join(gateway.dir, 'gatewaytoken-twin.yaml'));
    await untilStatus(gateway.port, callTo(gateway), 200);
    const status = { conditions: [{ type: 'Revoked', status: 'False' }], generations: [{ id: 'aaaaaaaa', state: 'Current' }] };
    await gateway.write({ ...gateway.tokenObject('alice', { revoked: true }), ...{ status } });
    await untilStatus(gateway.port, callTo(gateway), 401);
    expect(spy.requests.length).toBeGreaterThanOrEqual(before);
  });

  test('F15 a lower longest lifetime ends a token that was promised more', async () => {
    const { gateway, spy } = await running({ files: { 'made.yaml': JSON.stringify({ ...API, kind: 'GatewayToken', metadata: { name: 'made' }, spec: { type: 'Bearer', source: { type: 'Generated' }, secretRef: { name: 'made' }, lifetime: '24h', identity: { user: 'made' }, permissions: ALL } }) } });
    const text = await untilMinted(gateway.dir, 'made');
    const call = aCall(text, ECHO).replace('POST /mcp ', `POST ${gateway.path('server')} `);
    await untilStatus(gateway.port, call, 200);
    const listener = { address: '127.0.0.1', port: 0, plainHTTP: true };
    const tokens = { lifetimePolicies: [{ name: 'short', namespaceSelector: { matchLabels: {} }, minLifetime: '1ms', maxLifetime: '50ms' }] };
    await writeFile(join(gateway.dir, 'gateway-config.json'), JSON.stringify({ listener, admin: { address: '127.0.0.1', port: 0 }, tokens }));
    await untilStatus(gateway.port, call, 401);
    expect(spy.requests.length).toBeGreaterThan(0);
  });
});

