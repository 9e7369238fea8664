import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RequestOptions } from '../../../../operator/kube/api-call.ts';
import { isConflict, isDeniedByPolicy, isExpired, isFieldConflict, isInvalidField, isNotFound, KubeError } from '../../../../operator/kube/kube-error.ts';
import { GATEWAY_TOKENS, MCP_SERVERS, NAMESPACES, PODS, SECRETS } from '../../../../operator/kube/resources.ts';
import { systemScheduler } from '../../../../operator/kube/scheduler.ts';
import type { WatchEvent } from '../../../../operator/kube/watch-stream.ts';
import { createFastScheduler } from '../../../kit/kube-clock.ts';
import { aClient, type TestClient } from '../../../kit/kube-parts.ts';
import { added, aList, aPod, aWatch, bookmark, type FaultyServer, json, never, refusal, reset, startFaultyServer, watchError } from '../../../kit/kube-server.ts';

let server: FaultyServer;
let kit: TestClient;

beforeEach(async () => {
  server = await startFaultyServer();
  kit = aClient(server.kubeconfig, createFastScheduler());
});
afterEach(async () => {
  await kit.client.close();
  await server.stop();
});

const pod = { namespace: 'test', name: 'a' };

async function failureOf(work: Promise<unknown>): Promise<KubeError> {
  const error: unknown = await work.then(
    () => new Error('it succeeded'),
    (failure: unknown) => failure,
  );
  if (error instanceof KubeError) return error;
  throw error;
}

async function collect(events: AsyncIterable<WatchEvent>): Promise<WatchEvent[]> {
  const all: WatchEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('requests', () => {
  test('calls that follow each other share their connections', async () => {
    server.replies('GET', json(200, aPod('a', '1')));
    for (let calls = 0; calls < 50; calls += 1) await kit.client.get(PODS, pod);
    // The second one is opened while the first is still being handed back.
    expect(server.connections().accepted).toBeLessThanOrEqual(2);
  });

  test('fifty watches and the calls beside them take one socket per watch and two at most for the calls', async () => {
    server.replies('WATCH', aWatch('open', bookmark('1')));
    server.replies('GET', json(200, aPod('a', '1')));
    const stop = new AbortController();
    const watches = Array.from({ length: 50 }, () => collect(kit.client.watch(PODS, { resourceVersion: '0', timeoutSeconds: 300, signal: stop.signal })));
    while (server.count('WATCH') < 50) await sleep(5);
    for (let calls = 0; calls < 20; calls += 1) await kit.client.get(PODS, pod);
    expect(server.connections().accepted).toBeLessThanOrEqual(52);
    expect(server.connections().open).toBe(server.connections().accepted);
    stop.abort();
    const ends = await Promise.all(watches.map(failureOf));
    expect(new Set(ends.map(({ reason }) => reason))).toEqual(new Set(['Aborted']));
    while (server.connections().open > 2) await sleep(5);
  });

  test('sends the credential, the user agent and JSON', async () => {
    server.replies('POST', json(201, aPod('a', '1')));
    await kit.client.create(PODS, { metadata: { name: 'a', namespace: 'test' }, spec: {} }, { fieldManager: 'me', dryRun: true });
    const [seen] = server.seen;
    expect(seen?.headers).toMatchObject({ authorization: 'Bearer top-secret-token', 'user-agent': 'test', 'content-type': 'application/json', accept: 'application/json' });
    expect(seen?.path).toBe('/api/v1/namespaces/test/pods');
    expect(Object.fromEntries(seen?.query ?? [])).toEqual({ fieldManager: 'me', dryRun: 'All', fieldValidation: 'Strict' });
    expect(JSON.parse(seen?.body ?? '')).toEqual({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'test' }, spec: {} });
  });

  test('server-side apply of an object and of its status', async () => {
    server.replies('PATCH', json(200, aPod('a', '1')));
    const object = { metadata: { name: 'a', namespace: 'test' }, status: {} };
    await kit.client.apply(MCP_SERVERS, object, { fieldManager: 'me', force: true });
    await kit.client.applyStatus(GATEWAY_TOKENS, object, { fieldManager: 'me' });
    expect(server.seen.map(({ path, headers, query }) => [path, headers['content-type'], query.get('force'), query.get('fieldManager')])).toEqual([
      ['/apis/mcpgateway.dev/v1alpha1/namespaces/test/mcpservers/a', 'application/apply-patch+yaml', 'true', 'me'],
      ['/apis/mcpgateway.dev/v1alpha1/namespaces/test/gatewaytokens/a/status', 'application/apply-patch+yaml', null, 'me'],
    ]);
  });

  test('merge patch, replacement and conditional deletion', async () => {
    server.replies('PATCH', json(200, aPod('a', '1')));
    server.replies('PUT', json(200, aPod('a', '1')));
    server.replies('DELETE', json(200, { kind: 'Status', status: 'Success' }));
    await kit.client.patch(PODS, pod, { metadata: { labels: { x: null } } }, { subresource: 'status' });
    await kit.client.replace(PODS, { metadata: { ...pod, resourceVersion: '7' } });
    await kit.client.delete(PODS, pod, { preconditions: { uid: 'u' } });
    expect(server.seen.map(({ method, path, headers }) => [method, path, headers['content-type']])).toEqual([
      ['PATCH', '/api/v1/namespaces/test/pods/a/status', 'application/merge-patch+json'],
      ['PUT', '/api/v1/namespaces/test/pods/a', 'application/json'],
      ['DELETE', '/api/v1/namespaces/test/pods/a', 'application/json'],
    ]);
    expect(JSON.parse(server.seen[2]?.body ?? '')).toMatchObject({ preconditions: { uid: 'u' } });
  });

  test('names an object in its own path segment and in no other', async () => {
    server.replies('GET', json(200, aPod('a', '1')));
    await kit.client.get(PODS, { namespace: 'test', name: '../secrets/b' });
    expect(server.seen[0]?.path).toBe('/api/v1/namespaces/test/pods/..%2Fsecrets%2Fb');
    for (const name of ['', '.', '..']) expect(() => kit.client.get(PODS, { namespace: 'test', name })).toThrow(TypeError);
    expect(() => kit.client.get(PODS, { name: 'a' })).toThrow('Pod is namespaced');
    expect(server.seen).toHaveLength(1);
  });

  test('gives each object its kind and refuses what is none', async () => {
    server.replies('GET', json(200, aPod('a', '1')), json(200, { metadata: { name: 'a' } }), (response) => void response.end('<html>secret-body</html>'));
    expect(await kit.client.get(PODS, pod)).toMatchObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } });
    expect(await failureOf(kit.client.get(PODS, pod))).toMatchObject({ reason: 'ResponseMalformed' });
    const failure = await failureOf(kit.client.get(PODS, pod));
    expect(failure.reason).toBe('ResponseMalformed');
    expect(JSON.stringify([failure.message, failure.cause])).not.toContain('secret-body');
  });

  test('counts requests by code, method and host, and times them', async () => {
    server.replies('GET', json(200, aPod('a', '1')), refusal(404, 'NotFound'), reset);
    await kit.client.get(PODS, pod);
    await failureOf(kit.client.get(PODS, pod));
    await failureOf(kit.client.get(PODS, pod));
    for (const code of ['200', '404', '<error>']) {
      expect(await kit.value('rest_client_requests_total', { code, method: 'GET', host: server.host })).toBe(1);
    }
    expect(await kit.value('rest_client_request_duration_seconds_count', { verb: 'GET', host: server.host })).toBe(3);
  });
});

describe('errors', () => {
  test('carry status, reason and the text of the API server', async () => {
    server.replies('GET', refusal(404, 'NotFound', 'pods "a" not found'));
    const failure = await failureOf(kit.client.get(PODS, pod));
    expect(failure).toMatchObject({ status: 404, reason: 'NotFound', message: 'GET /api/v1/namespaces/test/pods/a: 404 NotFound: pods "a" not found' });
    expect([isNotFound(failure), isConflict(failure), isExpired(failure)]).toEqual([true, false, false]);
  });

  test('of confidential kinds do not repeat that text, which may quote what was sent', async () => {
    server.replies('POST', refusal(422, 'Invalid', 'data[token]: Invalid value: "hunter2"'));
    const written = await failureOf(kit.client.create(SECRETS, { metadata: { name: 'a', namespace: 'test' } }));
    expect(written.message).toBe('POST /api/v1/namespaces/test/secrets: 422 Invalid');
    const reviewed = await failureOf(kit.client.tokenReview('hunter2', ['aud']));
    expect(reviewed.message).toBe('POST /apis/authentication.k8s.io/v1/tokenreviews: 422 Invalid');
  });

  test('of confidential kinds tell causes by words and fields, in which no value is', async () => {
    const failed = async (status: number, ...causes: readonly unknown[]) => {
      server.replies('PATCH', json(status, { kind: 'Status', code: status, reason: 'Some', details: { causes } }));
      return failureOf(kit.client.patch(SECRETS, { namespace: 'test', name: 'a' }, {}));
    };
    const conflict = await failed(409, { reason: 'FieldManagerConflict', field: '.data.token', message: 'hunter2' });
    const typed = await failed(422, { reason: 'FieldValueInvalid', field: 'type' });
    const denied = await failed(403, { message: 'denied: hunter2' });
    const forbidden = await failed(403);
    const odd = await failed(403, { reason: 'hunter 2', field: 'data[hunter2]' }, 'hunter2');
    const told = (error: unknown) => [isFieldConflict(error), isInvalidField(error, 'type'), isDeniedByPolicy(error)];
    expect([conflict, typed, denied, forbidden, odd].map(told)).toEqual([[true, false, false], [false, true, false], [false, false, true], [false, false, false], [false, false, false]]);
    expect(JSON.stringify([conflict, typed, denied, odd])).not.toContain('hunter');
  });

  test('never name the credential', async () => {
    server.replies('GET', refusal(401, 'Unauthorized'), reset, never);
    const failures = [
      await failureOf(kit.client.get(PODS, pod)),
      await failureOf(kit.client.get(PODS, pod)),
      await failureOf(kit.client.get(PODS, pod, { timeoutMs: 2_000 })),
    ];
    expect(failures.map(({ status, reason }) => [status, reason])).toEqual([
      [401, 'Unauthorized'],
      [undefined, 'ConnectionFailed'],
      [undefined, 'Timeout'],
    ]);
    for (const { message, stack, cause } of failures) expect(`${message}${String(stack)}${JSON.stringify(cause) ?? ''}`).not.toContain('top-secret-token');
  });

  test('a proxy that answers without a Status is told by its code', async () => {
    server.replies('GET', (response) => void response.writeHead(502).end('bad gateway'));
    expect(await failureOf(kit.client.get(PODS, pod))).toMatchObject({ status: 502, reason: 'Unknown' });
  });

  test('a caller who gives up is told so at once', async () => {
    server.replies('GET', never);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    expect(await failureOf(kit.client.get(PODS, pod, { signal: stop.signal }))).toMatchObject({ reason: 'Aborted' });
    expect(await failureOf(kit.client.get(PODS, pod, { signal: AbortSignal.abort() }))).toMatchObject({ reason: 'Aborted' });
    expect(server.seen).toHaveLength(1);
  });

  test('an answer that stops half-way ends with the timeout', async () => {
    server.replies('GET', (response) => void response.writeHead(200).write('{"metadata":'));
    expect(await failureOf(kit.client.get(PODS, pod, { timeoutMs: 2_000 }))).toMatchObject({ reason: 'Timeout' });
  });
});

describe('retries', () => {
  const busy = (code: number, seconds?: number) => refusal(code, 'Busy', 'no', seconds === undefined ? {} : { 'retry-after': String(seconds) });

  test('waits as long as a 429 or 503 asks, then tries again', async () => {
    server.replies('GET', busy(429, 3), busy(503, 2), json(200, aPod('a', '1')));
    const startedMs = kit.clock.monotonicMs();
    await kit.client.get(PODS, pod);
    expect(kit.clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(5_000);
    expect(server.count('GET')).toBe(3);
  });

  test.each<[string, RequestOptions, number]>([
    ['a creation is not repeated', { method: 'POST', path: '/x' }, 429],
    ['an internal error is not repeated', { method: 'GET', path: '/x' }, 500],
    ['a conflict is not repeated', { method: 'PUT', path: '/x' }, 409],
  ])('%s', async (_title, options, code) => {
    server.replies(options.method === 'GET' ? 'GET' : options.method, busy(code, 1));
    expect(await failureOf(kit.client.request(options))).toMatchObject({ status: code, retryAfterMs: 1_000 });
    expect(server.seen).toHaveLength(1);
  });

  test('what is asked for beyond the timeout is not waited for', async () => {
    server.replies('GET', busy(429, 60));
    expect(await failureOf(kit.client.get(PODS, pod))).toMatchObject({ status: 429 });
    expect(server.seen).toHaveLength(1);
  });

  test('stops when the caller gives up during a pause', async () => {
    server.replies('GET', busy(429, 10));
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    expect(await failureOf(kit.client.get(PODS, pod, { signal: stop.signal }))).toMatchObject({ reason: 'Aborted' });
    expect(server.seen).toHaveLength(1);
  });
});

describe('the client-side limit', () => {
  test('spreads a burst, and lets what is urgent pass', async () => {
    await kit.client.close();
    kit = aClient(server.kubeconfig, systemScheduler, { rate: { perSecond: 100, burst: 10 } });
    server.replies('GET', json(200, aPod('a', '1')));
    const startedMs = performance.now();
    const calls = Promise.all(Array.from({ length: 40 }, () => kit.client.get(PODS, pod)));
    await kit.client.get(PODS, pod, { urgent: true });
    expect(performance.now() - startedMs).toBeLessThan(250);
    await calls;
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(290);
    expect(await kit.value('rest_client_rate_limiter_duration_seconds_count', { verb: 'GET' })).toBe(40);
  });

  test('of reviews, which strangers cause, is another than that of what the operator does itself', async () => {
    await kit.client.close();
    kit = aClient(server.kubeconfig, systemScheduler, { rate: { perSecond: 0.01, burst: 1 } });
    server.replies('POST', json(201, { status: { authenticated: false } }));
    server.replies('GET', json(200, aPod('a', '1')));
    await kit.client.tokenReview('token', ['mine']);
    // Its turn would come in a hundred seconds.
    expect(await kit.client.get(PODS, pod, { timeoutMs: 1_000 })).toMatchObject({ metadata: { name: 'a' } });
    await expect(kit.client.tokenReview('token', ['mine'], { timeoutMs: 20 })).rejects.toMatchObject({ reason: 'Timeout' });
  });
});

describe('lists', () => {
  const page = (next: string, ...items: readonly unknown[]) => json(200, { metadata: { resourceVersion: '9', continue: next }, items });

  test('are read page by page, all of one version', async () => {
    server.replies('LIST', page('p2', aPod('a', '1')), page('p3', aPod('b', '2')), page('', aPod('c', '3')));
    const { items, resourceVersion } = await kit.client.list(PODS, { namespace: 'test', labelSelector: 'x=y', pageSize: 1 });
    expect(items.map(({ metadata, kind }) => [metadata.name, kind])).toEqual([['a', 'Pod'], ['b', 'Pod'], ['c', 'Pod']]);
    expect(resourceVersion).toBe('9');
    expect(server.seen.map(({ query }) => Object.fromEntries(query))).toEqual([
      { labelSelector: 'x=y', limit: '1' },
      { labelSelector: 'x=y', limit: '1', continue: 'p2' },
      { labelSelector: 'x=y', limit: '1', continue: 'p3' },
    ]);
  });

  test('begin anew, unpaged, when the pages have expired meanwhile', async () => {
    server.replies('LIST', page('p2', aPod('a', '1')), refusal(410, 'Expired'), page('', aPod('b', '2')));
    const { items } = await kit.client.list(PODS);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['b']);
    expect(server.seen[2]?.query.size).toBe(0);
  });

  test('of nothing are empty, and what is no list is refused', async () => {
    server.replies('LIST', json(200, { metadata: { resourceVersion: '9' }, items: null }), json(200, { items: [] }), json(200, { metadata: { resourceVersion: '9' }, items: [{}] }));
    expect(await kit.client.list(PODS)).toEqual({ items: [], resourceVersion: '9' });
    expect(await failureOf(kit.client.list(PODS))).toMatchObject({ reason: 'ResponseMalformed' });
    expect(await failureOf(kit.client.list(PODS))).toMatchObject({ reason: 'ResponseMalformed' });
  });
});

describe('watches', () => {
  const options = { resourceVersion: '5', timeoutSeconds: 300, signal: new AbortController().signal };
  const watch = () => collect(kit.client.watch(NAMESPACES, options));

  test('deliver events and bookmarks until the API server ends them', async () => {
    const object = { metadata: { name: 'a', uid: 'u', resourceVersion: '6' } };
    server.replies('WATCH', aWatch('end', added(object), bookmark('7')));
    expect(await watch()).toEqual([
      { type: 'ADDED', object: { apiVersion: 'v1', kind: 'Namespace', ...object } },
      { type: 'BOOKMARK', resourceVersion: '7' },
    ]);
    expect(Object.fromEntries(server.seen[0]?.query ?? [])).toEqual({ watch: 'true', allowWatchBookmarks: 'true', resourceVersion: '5', timeoutSeconds: '300' });
  });

  test('put events together whatever the packets', async () => {
    const line = Buffer.from(`${JSON.stringify(added({ metadata: { name: 'ä', uid: 'u', resourceVersion: '6' } }))}\n`);
    server.replies('WATCH', (response) => {
      void (async () => {
        for (const byte of line) {
          response.write(Buffer.of(byte));
          await sleep(0);
        }
        response.end();
      })();
    });
    expect(await watch()).toMatchObject([{ object: { metadata: { name: 'ä' } } }]);
  });

  test.each([
    ['an error of its own', watchError(410, 'Expired'), { status: 410, reason: 'Expired' }],
    ['a line that is no JSON', '{"type":"ADDED","object":{"secret', { reason: 'ResponseMalformed', message: 'the API server sent a line that is no JSON' }],
    ['an event of unknown type', { type: 'NEWS', object: {} }, { reason: 'ResponseMalformed' }],
    ['an object without a name', { type: 'ADDED', object: { metadata: {} } }, { reason: 'ResponseMalformed' }],
    ['a bookmark without a version', { type: 'BOOKMARK', object: {} }, { reason: 'ResponseMalformed' }],
  ])('reject on %s', async (_title, line, failure) => {
    server.replies('WATCH', aWatch('end', line));
    expect(await failureOf(watch())).toMatchObject(failure);
    while (server.connections().open > 1) await sleep(5);
  });

  test('reject on a refusal and on a reset', async () => {
    server.replies('WATCH', refusal(403, 'Forbidden'), aWatch('reset', bookmark('7')));
    expect(await failureOf(watch())).toMatchObject({ status: 403 });
    expect(await failureOf(watch())).toMatchObject({ reason: 'ConnectionFailed' });
  });

  test('close their connection when the reader leaves', async () => {
    server.replies('WATCH', aWatch('open', bookmark('7')));
    for await (const event of kit.client.watch(PODS, options)) {
      expect(event.type).toBe('BOOKMARK');
      break;
    }
    while (server.connections().open > 0) await sleep(5);
  });
});

describe('token reviews', () => {
  const review = async (status: unknown) => {
    server.replies('POST', json(201, { metadata: {}, status }));
    return kit.client.tokenReview('token', ['mine', 'other']);
  };
  const user = { username: 'system:serviceaccount:a:b', uid: 'u', groups: ['g'], extra: { 'authentication.kubernetes.io/pod-name': ['p'] } };

  test('say who it is, and for which of the asked audiences', async () => {
    expect(await review({ authenticated: true, user, audiences: ['mine', 'somebody'] })).toEqual({ authenticated: true, ...user, audiences: ['mine'] });
    expect(JSON.parse(server.seen[0]?.body ?? '')).toMatchObject({ kind: 'TokenReview', spec: { token: 'token', audiences: ['mine', 'other'] } });
  });

  test.each([
    ['the API server says no', { authenticated: false, error: 'no' }],
    ['it says nothing', {}],
    ['the authenticator knows no audiences', { authenticated: true, user }],
    ['the token is for somebody else', { authenticated: true, user, audiences: ['somebody'] }],
    ['there is no user', { authenticated: true, user: {}, audiences: ['mine'] }],
    ['it is not true but truthy', { authenticated: 'true', user, audiences: ['mine'] }],
  ])('do not authenticate if %s', async (_title, status) => {
    expect(await review(status)).toEqual({ authenticated: false });
  });

  test('are repeated when the API server is busy', async () => {
    server.replies('POST', refusal(429, 'TooManyRequests', 'no', { 'retry-after': '1' }), json(201, { status: { authenticated: false } }));
    expect(await kit.client.tokenReview('token', ['mine'])).toEqual({ authenticated: false });
    expect(server.count('POST')).toBe(2);
  });
});

test('a list of pods in all namespaces', async () => {
  server.replies('LIST', aList('3', aPod('a', '1')));
  expect((await kit.client.list(PODS)).items).toHaveLength(1);
  expect(server.seen[0]?.path).toBe('/api/v1/pods');
});
