import { inspect } from 'node:util';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { own } from '../../../../manifest/record.ts';
import type { ObjectToWrite } from '../../../../operator/kube/client.ts';
import { KubeError } from '../../../../operator/kube/kube-error.ts';
import type { KubeObject } from '../../../../operator/kube/kube-object.ts';
import { AUTHORITY_LIFETIME_MS, createAuthorities, trustedPem } from '../../../../operator/trust/authorities.ts';
import type { Authorities } from '../../../../operator/trust/authorities.ts';
import { createManualScheduler } from '../../../kit/kube-clock.ts';
import type { ManualScheduler } from '../../../kit/kube-clock.ts';

const HOUR = 3_600_000;
const POLICY = { trustDelayMs: HOUR, leafLifetimeMs: 24 * HOUR };
const DUE = (AUTHORITY_LIFETIME_MS * 2) / 3;
const { signal } = new AbortController();

/** The Secret as an API server keeps it, and the writes that it took. */
let secret: KubeObject | undefined;
let writes: { readonly verb: string; readonly object: ObjectToWrite }[];
/** Done by another replica right after this one looked. */
let meanwhile: (() => Promise<unknown>) | undefined;
let clock: ManualScheduler;

function keep(verb: string, object: ObjectToWrite): KubeObject {
  writes.push({ verb, object });
  secret = { apiVersion: 'v1', kind: 'Secret', ...object, metadata: { ...object.metadata, uid: 'secret-uid', resourceVersion: String(100 + writes.length) } };
  return secret;
}

const refuse = (status: number): never => {
  throw new KubeError('Refused', 'refused', { status });
};

async function look(): Promise<KubeObject> {
  const found = secret;
  const act = meanwhile;
  meanwhile = undefined;
  await act?.();
  return found ?? refuse(404);
}

function aReplica(): Authorities {
  return createAuthorities({
    client: {
      get: look,
      create: async (_resource, object) => (secret === undefined ? keep('create', object) : refuse(409)),
      replace: async (_resource, object) => (secret?.metadata.resourceVersion === object.metadata['resourceVersion'] ? keep('replace', object) : refuse(409)),
    },
    namespace: 'home',
    name: 'mcpgateway-stream-authorities',
    commonName: 'mcpgateway stream',
    policy: POLICY,
    clock,
  });
}

beforeEach(() => {
  secret = undefined;
  writes = [];
  meanwhile = undefined;
  clock = createManualScheduler();
});

const verbs = () => writes.map(({ verb }) => verb);

describe('the first authority', () => {
  test('is made by whoever finds none, signs at once, and is found by everybody after that', async () => {
    const plan = await aReplica().read(signal);
    expect(plan.signer).toBeDefined();
    expect(plan.trusted).toEqual([plan.signer]);
    expect(await aReplica().read(signal)).toEqual(plan);
    expect(verbs()).toEqual(['create']);
  });

  test('lasts a year', async () => {
    const { signer } = await aReplica().read(signal);
    expect(signer?.notAfterMs).toBe(clock.nowMs() + AUTHORITY_LIFETIME_MS);
  });

  test('is kept in a Secret of a type of its own', async () => {
    await aReplica().read(signal);
    expect(writes[0]?.object).toMatchObject({ type: 'mcpgateway.dev/authorities', metadata: { namespace: 'home', name: 'mcpgateway-stream-authorities' } });
    expect(writes[0]?.object.metadata).not.toHaveProperty('resourceVersion');
  });

  test('is that of the winner for whoever lost the race', async () => {
    meanwhile = () => aReplica().read(signal);
    const loser = await aReplica().read(signal);
    expect(verbs()).toEqual(['create']);
    expect(loser).toEqual(await aReplica().read(signal));
  });

  test.each(['read', 'rotate'] as const)('is not made where nobody can say whether there is one (%s)', async (verb) => {
    meanwhile = async () => refuse(503);
    await expect(aReplica()[verb](signal)).rejects.toMatchObject({ status: 503 });
    expect(verbs()).toEqual([]);
  });

  test('that is refused for another reason than a race is an error', async () => {
    const replica = createAuthorities({
      client: { get: look, create: async () => refuse(403), replace: async () => refuse(500) },
      namespace: 'home', name: 'x', commonName: 'x', policy: POLICY, clock,
    });
    await expect(replica.read(signal)).rejects.toMatchObject({ status: 403 });
  });
});

describe('a rotation', () => {
  test('makes the first authority like a reading, and no second one', async () => {
    expect((await aReplica().rotate(signal)).trusted).toHaveLength(1);
    expect(verbs()).toEqual(['create']);
  });

  test('does nothing while nothing is due', async () => {
    await aReplica().read(signal);
    for (const ms of [POLICY.trustDelayMs, DUE - POLICY.trustDelayMs - 1]) {
      await clock.advance(ms);
      await aReplica().rotate(signal);
    }
    expect(verbs()).toEqual(['create']);
  });

  test('makes the next authority when it is due: trusted at once, signing only when everybody trusts it', async () => {
    const { signer: first } = await aReplica().read(signal);
    await clock.advance(DUE);
    expect((await aReplica().read(signal)).create).toBe(true);
    expect(verbs()).toEqual(['create']);
    const rotated = await aReplica().rotate(signal);
    expect(verbs()).toEqual(['create', 'replace']);
    expect(rotated.create).toBe(false);
    expect(rotated.trusted).toHaveLength(2);
    expect(rotated.signer).toEqual(first);
    await clock.advance(POLICY.trustDelayMs);
    const later = await aReplica().read(signal);
    expect(later.signer).toEqual(rotated.trusted[0]);
    expect(later.signer).not.toEqual(first);
    expect(later.trusted).toContainEqual(first);
  });

  test('drops an authority when nothing that it signed is valid any more, and it is not stored after that', async () => {
    const { signer: first } = await aReplica().read(signal);
    await clock.advance(DUE);
    const [second] = (await aReplica().rotate(signal)).trusted;
    await clock.advance(POLICY.trustDelayMs + POLICY.leafLifetimeMs + HOUR);
    const before = await aReplica().read(signal);
    expect(before.dropped).toEqual([first]);
    const after = await aReplica().rotate(signal);
    expect([after.trusted, after.dropped]).toEqual([[second], []]);
    expect(verbs()).toEqual(['create', 'replace', 'replace']);
    expect(await aReplica().read(signal)).toEqual(after);
  });

  test('makes an authority where all have ended', async () => {
    const { signer: first } = await aReplica().read(signal);
    await clock.advance(AUTHORITY_LIFETIME_MS);
    expect((await aReplica().read(signal)).signer).toBeUndefined();
    const { signer, trusted } = await aReplica().rotate(signal);
    expect(trusted).toEqual([signer]);
    expect(signer).not.toEqual(first);
  });

  test('never overwrites what it has not read', async () => {
    await aReplica().read(signal);
    await clock.advance(DUE);
    meanwhile = () => aReplica().rotate(signal);
    await expect(aReplica().rotate(signal)).rejects.toMatchObject({ status: 409 });
    expect(verbs()).toEqual(['create', 'replace']);
    expect((await aReplica().read(signal)).trusted).toHaveLength(2);
  });
});

describe('a damaged Secret', () => {
  const encoded = (content: unknown) => ({ 'authorities.json': Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)).toString('base64') });

  test.each<[string, unknown]>([
    ['no data', undefined],
    ['data that is a text', 'canary'],
    ['another key', { canary: 'canary' }],
    ['a value that is no text', { 'authorities.json': ['canary'] }],
    ['no JSON', encoded('[canary')],
    ['an object', encoded({ certificatePem: 'canary', privateKeyPem: 'canary' })],
    ['an entry that is a text', encoded(['canary'])],
    ['an entry without a key', encoded([{ certificatePem: 'canary' }])],
    ['an entry without a certificate', encoded([{ privateKeyPem: 'canary' }])],
    ['a certificate that is none', encoded([{ certificatePem: 'canary', privateKeyPem: '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n' }])],
  ])('with %s is an error that holds nothing of it, and it stays as it is', async (_what, data) => {
    secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'home', name: 'mcpgateway-stream-authorities', uid: 'u', resourceVersion: '7' }, data };
    const before = secret;
    for (const verb of ['read', 'rotate'] as const) {
      const error: unknown = await aReplica()[verb](signal).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TypeError);
      expect(inspect(error)).not.toContain('canary');
    }
    expect(verbs()).toEqual([]);
    expect(secret).toBe(before);
  });

  test('with the key of another authority is an error', async () => {
    await aReplica().read(signal);
    const [one] = storedIn(writes[0]);
    secret = undefined;
    await aReplica().read(signal);
    const [other] = storedIn(writes[1]);
    secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'home', name: 'x', uid: 'u', resourceVersion: '7' }, data: encoded([{ ...one, privateKeyPem: other?.privateKeyPem }]) };
    await expect(aReplica().read(signal)).rejects.toThrow(TypeError);
  });
});

interface Stored {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

function storedIn(written: { readonly object: ObjectToWrite } | undefined): readonly Stored[] {
  const encoded: unknown = own(written?.object['data'], 'authorities.json');
  return JSON.parse(Buffer.from(String(encoded), 'base64').toString('utf8')) as readonly Stored[];
}

test('what is published for trust are the certificates alone, the newest first', async () => {
  await aReplica().read(signal);
  await clock.advance(DUE);
  const plan = await aReplica().rotate(signal);
  expect(trustedPem(plan)).toBe(plan.trusted.map(({ certificatePem }) => certificatePem).join(''));
  expect(trustedPem(plan)).not.toContain('PRIVATE KEY');
  expect((plan.trusted[0]?.notBeforeMs ?? 0) > (plan.trusted[1]?.notBeforeMs ?? 0)).toBe(true);
});
