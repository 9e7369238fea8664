import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { allowing } from '../../../../operator/webhook/admission-review.ts';
import type { Inject } from '../../../../operator/webhook/inject.ts';
import { createWebhookServer } from '../../../../operator/webhook/server.ts';
import type { WebhookServer } from '../../../../operator/webhook/server.ts';
import { createAuthority, issueServingPair } from '../../../../pki/authority.ts';
import type { Authority, ServingPair } from '../../../../pki/authority.ts';
import type { Logger } from '../../../../runtime/log.ts';
import { createMetrics } from '../../../../runtime/metrics.ts';
import type { Metrics } from '../../../../runtime/metrics.ts';

let authority: Authority;
let pairs: readonly [ServingPair, ServingPair];
let server: WebhookServer;
let port: number;
let metrics: Metrics;
let inject: Inject;
let logged: unknown[];

beforeAll(async () => {
  const nowMs = Date.now();
  authority = await createAuthority({ commonName: 'webhook', nowMs, lifetimeMs: 3_600_000 });
  const issue = (name: string) => issueServingPair(authority, { dnsNames: [name, 'localhost'], ipAddresses: [], nowMs, lifetimeMs: 3_600_000 });
  pairs = [await issue('first'), await issue('second')];
});
beforeEach(async () => {
  inject = async () => ({ result: 'unchanged', reason: 'AlreadyInjected', review: allowing('u', []) });
  metrics = createMetrics();
  logged = [];
  const log: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (...entry) => void logged.push(entry), child: () => log };
  server = createWebhookServer({ inject: (body) => inject(body), metrics, log }, { address: '127.0.0.1', port: 0, certificate: pairs[0] });
  ({ port } = await server.start());
});
afterEach(() => server.stop(0));

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

async function send(body: string | Uint8Array, over: { method?: string; path?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { 'content-type': 'application/json', ...over.headers };
  httpsRequest({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificatePem, agent: false, method: over.method ?? 'POST', path: over.path ?? '/inject', headers }, (response) => {
    text(response).then((content) => resolve({ status: response.statusCode, text: content }), reject);
  }).once('error', (error: unknown) => reject(error)).end(body);
  return promise;
}

/** The names in the certificate of a new connection. */
async function servedNames(): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificatePem });
  await once(socket, 'secureConnect');
  const { subjectaltname = '' } = socket.getPeerCertificate();
  socket.destroy();
  return subjectaltname;
}

const counted = async (): Promise<readonly string[]> => (await metrics.render()).text.split('\n').filter((line) => line.startsWith('mcpgateway_'));

describe('the webhook server', () => {
  test('gives the body to the injector and its review back, with any query that an API server adds', async () => {
    let seen: unknown;
    inject = async (body) => {
      seen = body;
      return { result: 'injected', reason: 'Injected', review: allowing('u', [{ op: 'remove', path: '/x' }]) };
    };
    const { status, text: answer } = await send('{"a":["ü"]}', { path: '/inject?timeout=5s' });
    expect({ status, answer: JSON.parse(answer) as unknown, seen }).toEqual({ status: 200, answer: allowing('u', [{ op: 'remove', path: '/x' }]), seen: { a: ['ü'] } });
    expect(await counted()).toEqual(['mcpgateway_injection_requests_total 1', 'mcpgateway_injection_responses_total{result="injected",reason="Injected"} 1']);
  });

  test('answers what is no review with 400', async () => {
    inject = async () => ({ result: 'failed', reason: 'Malformed', review: undefined });
    expect(await send('{}')).toEqual({ status: 400, text: 'not an AdmissionReview\n' });
  });

  test.each<[string, Parameters<typeof send>[1], number]>([
    ['another path', { path: '/' }, 404],
    ['a path below', { path: '/inject/' }, 404],
    ['a path in capitals', { path: '/INJECT' }, 404],
    ['another method', { method: 'PUT' }, 405],
    ['GET', { method: 'GET' }, 405],
  ])('refuses %s without asking the injector', async (_title, over, expected) => {
    inject = () => Promise.reject(new Error('asked'));
    expect(await send('', over)).toMatchObject({ status: expected });
    expect(await counted()).toEqual(['mcpgateway_injection_requests_total 0']);
  });

  test.each<[string, string | Uint8Array, Record<string, string>, number]>([
    ['broken JSON', '{', {}, 400],
    ['a bare value', '1', {}, 400],
    ['a compressed body', new Uint8Array(20), { 'content-encoding': 'gzip' }, 415],
    ['an unknown charset', '{}', { 'content-type': 'application/json; charset=x' }, 415],
    ['a body beyond the limit', `"${'x'.repeat(7 * 1024 * 1024)}"`, {}, 413],
  ])('refuses %s, counts it and repeats nothing of it', async (_title, body, headers, status) => {
    expect(await send(body, { headers })).toEqual({ status, text: 'unreadable request\n' });
    expect(await counted()).toEqual(['mcpgateway_injection_requests_total 1', 'mcpgateway_injection_responses_total{result="failed",reason="Malformed"} 1']);
    expect(logged).toEqual([]);
  });

  test('takes the largest object that an API server takes', async () => {
    expect(await send(JSON.stringify({ object: 'x'.repeat(3 * 1024 * 1024), oldObject: 'x'.repeat(3 * 1024 * 1024) }))).toMatchObject({ status: 200 });
  });

  test('gives an undeclared type to nobody', async () => {
    let seen: unknown = 'nothing';
    inject = async (body) => {
      seen = body;
      return { result: 'failed', reason: 'Malformed', review: undefined };
    };
    expect(await send('{}', { headers: { 'content-type': 'text/plain' } })).toMatchObject({ status: 400 });
    expect(seen).toBeUndefined();
  });

  test('answers a fault of the injector with 500, never with an allowance', async () => {
    inject = () => Promise.reject(new Error('secret detail'));
    expect(await send('{}')).toEqual({ status: 500, text: 'internal error\n' });
    expect(await counted()).toContain('mcpgateway_injection_responses_total{result="failed",reason="InternalError"} 1');
    expect(logged).toHaveLength(1);
  });
});

describe('its certificate', () => {
  test('is replaced for new connections, without a restart', async () => {
    expect(await servedNames()).toBe('DNS:first, DNS:localhost');
    server.replaceCertificate(pairs[1]);
    expect(await servedNames()).toBe('DNS:second, DNS:localhost');
  });

  test('stays when the new pair cannot be used', async () => {
    expect(() => server.replaceCertificate({ ...pairs[1], certificatePem: 'x' })).toThrow();
    expect(() => server.replaceCertificate({ ...pairs[1], privateKeyPem: pairs[0].privateKeyPem })).toThrow();
    expect(await servedNames()).toBe('DNS:first, DNS:localhost');
  });

  test.each(['before', 'after'])('is for TLS 1.2 or later, %s it is replaced', async (when) => {
    if (when === 'after') server.replaceCertificate(pairs[1]);
    const old = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificatePem, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    const [error] = (await once(old, 'error')) as [{ readonly code: string }];
    expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    expect((await send('{}')).status).toBe(200);
  });
});

test('stopping waits for the answer that is being made, within the grace', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  inject = async () => {
    asked.resolve();
    await promise;
    return { result: 'unchanged', reason: 'AlreadyInjected', review: allowing('u', []) };
  };
  const answer = send('{}');
  await asked.promise;
  const stopped = server.stop(10_000);
  resolve();
  expect(await answer).toMatchObject({ status: 200 });
  await stopped;
});
