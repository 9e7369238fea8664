import { beforeEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { MCPServer } from '../../../../api/v1alpha1/index.ts';
import { createInjector } from '../../../../operator/webhook/inject.ts';
import type { InjectorDeps, RefusedPod } from '../../../../operator/webhook/inject.ts';
import { podPatch } from '../../../../operator/webhook/pod-patch.ts';
import type { PatchOperation } from '../../../../operator/webhook/patch-operation.ts';
import { aGuardedServer, aPod, applyPatch, aReview, SETTINGS } from '../../../kit/pod-examples.ts';

const UID = '705ab4f5-6393-11e8-b7cc-42010a800002';
let asked: string[];
let logged: string[];
let told: RefusedPod[];
let serverOf: InjectorDeps['serverOf'];

beforeEach(() => {
  asked = [];
  logged = [];
  told = [];
  serverOf = async (namespace, name) => {
    asked.push(`${namespace}/${name}`);
    return name === 'github' ? aGuardedServer() : undefined;
  };
});

const log = (message: string, fields: unknown = {}): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
const logger: InjectorDeps['log'] = { debug: log, info: log, warn: log, error: log, child: () => logger };
const inject = createInjector({ serverOf: (namespace, name) => serverOf(namespace, name), settings: () => SETTINGS, refused: (refused) => void told.push(refused), log: logger });

describe('a labelled pod', () => {
  test('is allowed with the patch of its server', async () => {
    const { result, reason, review } = await inject(aReview(aPod()));
    expect({ result, reason }).toEqual({ result: 'injected', reason: 'Injected' });
    expect(review).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: UID, allowed: true, patchType: 'JSONPatch', patch: expect.any(String) },
    });
    const patch = JSON.parse(Buffer.from(review?.response.patch ?? '', 'base64').toString()) as PatchOperation[];
    expect(patch).toEqual(podPatch(aPod(), aGuardedServer(), SETTINGS));
    expect(asked).toEqual(['tools/github']);
  });

  test('is looked up in the namespace of the request, whatever the pod says', async () => {
    await inject(aReview(aPod({}, { namespace: 'elsewhere' })));
    expect(asked).toEqual(['tools/github']);
  });

  test('is answered alike in a dry run', async () => {
    const [real, dry] = [await inject(aReview(aPod())), await inject(aReview(aPod(), { dryRun: true }))];
    expect(dry).toEqual(real);
  });

  test('that is guarded already is allowed without a patch', async () => {
    const pod = applyPatch(aPod(), podPatch(aPod(), aGuardedServer(), SETTINGS));
    expect(await inject(aReview(pod))).toMatchObject({ result: 'unchanged', reason: 'AlreadyInjected', review: { response: { uid: UID, allowed: true } } });
    expect((await inject(aReview(pod))).review?.response).not.toHaveProperty('patch');
  });

  test('that cannot be guarded is refused with the sentence', async () => {
    const { result, reason, review } = await inject(aReview(aPod({ hostNetwork: true })));
    expect({ result, reason }).toEqual({ result: 'refused', reason: 'HostNetwork' });
    expect(review?.response).toEqual({
      uid: UID,
      allowed: false,
      status: { code: 403, reason: 'HostNetwork', message: 'spec.hostNetwork: the sidecar cannot guard the ports of a node: remove the field' },
    });
  });

  test('that is refused is told of with its server, if there is one, and whether it was a dry run', async () => {
    const message = 'spec.hostNetwork: the sidecar cannot guard the ports of a node: remove the field';
    await inject(aReview(aPod({ hostNetwork: true })));
    await inject(aReview(aPod({ hostNetwork: true }, { name: undefined, generateName: 'github-' }), { dryRun: true }));
    expect(told).toEqual([
      { server: aGuardedServer(), pod: 'github-0', message, isDryRun: false },
      { server: aGuardedServer(), pod: 'github-*', message, isDryRun: true },
    ]);
    told = [];
    await inject(aReview(aPod({}, { labels: { 'mcpgateway.dev/server': 'none' } })));
    await inject(aReview(aPod()));
    expect(told).toMatchObject([{ server: undefined, pod: 'github-0' }]);
  });

  test('with an empty label asks for no server and is refused', async () => {
    expect(await inject(aReview(aPod({}, { labels: { 'mcpgateway.dev/server': '' } })))).toMatchObject({ reason: 'ServerNotFound', review: { response: { allowed: false } } });
    expect(asked).toEqual([]);
  });
});

test('a pod without the label is left alone', async () => {
  expect(await inject(aReview(aPod({ hostNetwork: true }, { labels: {} })))).toEqual({
    result: 'ignored',
    reason: 'NotLabelled',
    review: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: UID, allowed: true } },
  });
});

describe('a fault of our own', () => {
  test.each<[string, InjectorDeps['serverOf']]>([
    ['a lookup that fails', () => Promise.reject(new Error('secret detail'))],
    ['a lookup that throws', () => { throw new Error('secret detail'); }],
    ['a server without a spec', () => Promise.resolve({ metadata: { name: 'github', namespace: 'tools' } } as unknown as MCPServer)],
  ])('refuses, without its detail: %s', async (_title, lookup) => {
    serverOf = lookup;
    const { result, reason, review } = await inject(aReview(aPod()));
    expect({ result, reason, allowed: review?.response.allowed, code: review?.response.status?.code }).toEqual({ result: 'failed', reason: 'InternalError', allowed: false, code: 500 });
    expect(JSON.stringify(review)).not.toContain('secret detail');
    expect(logged).toEqual([expect.stringContaining('injection failed')]);
  });
});

describe('what is not the creation of a pod', () => {
  test.each<[string, Record<string, unknown>]>([
    ['an update', { operation: 'UPDATE' }],
    ['a subresource', { subResource: 'ephemeralcontainers' }],
    ['another resource', { resource: { group: 'apps', version: 'v1', resource: 'deployments' } }],
    ['another group', { resource: { group: 'x', version: 'v1', resource: 'pods' } }],
    ['another kind', { object: { ...aPod(), kind: 'PodTemplate' } }],
    ['a pod without a spec', { object: { ...aPod(), spec: null } }],
  ])('is refused: %s', async (_title, request) => {
    expect(await inject(aReview(aPod(), request))).toMatchObject({ result: 'failed', reason: 'NotPodCreation', review: { response: { uid: UID, allowed: false, status: { code: 400 } } } });
  });
});

test('what is no review gets no answer', async () => {
  expect(await inject({})).toEqual({ result: 'failed', reason: 'Malformed', review: undefined });
});

test('no body makes it reject, and none is allowed unless it was judged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), async (pod, spec, metadata) => {
      for (const object of [pod, { kind: 'Pod', spec, metadata: { labels: { 'mcpgateway.dev/server': 'github' }, annotations: metadata } }]) {
        const { result, review } = await inject(aReview(object));
        if (review?.response.allowed === true) expect(['injected', 'unchanged', 'ignored']).toContain(result);
      }
      expect((await inject(pod)).review).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});
