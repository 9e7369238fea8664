import { beforeEach, describe, expect, test } from '@jest/globals';
import type { LedgerToken } from '../../../../../api/ledger.ts';
import { hashCredential, parseCredential } from '../../../../../core/credential.ts';
import { createMint } from '../../../../../operator/controllers/gateway-token/mint.ts';
import type { Mint } from '../../../../../operator/controllers/gateway-token/mint.ts';
import type { ApplyOptions, ObjectToWrite } from '../../../../../operator/kube/client.ts';
import type { KubeErrorCause } from '../../../../../operator/kube/kube-error.ts';
import { KubeError } from '../../../../../operator/kube/kube-error.ts';
import { NotLeadingError } from '../../../../../operator/ledger/shard-store.ts';
import { keepLog } from '../../../../kit/kube-parts.ts';
import type { KeptLog } from '../../../../kit/kube-parts.ts';
import { aGeneration, aToken, anEntry, facts, HOUR, minted, NOW } from './kit.ts';

const { signal } = new AbortController();
const TOKEN = aToken();

/** The ledger has one entry. `failure` is what the API server, or the ledger, answers next. */
let entry: LedgerToken | undefined;
let changes: number;
let applied: { readonly object: ObjectToWrite; readonly options: ApplyOptions }[];
let failure: { readonly apply?: Error; readonly change?: Error };
let log: KeptLog;
let mint: Mint;
let isLeading: boolean;
let monotonicMs: number;
let nowMs: number;

beforeEach(() => {
  entry = anEntry();
  changes = 0;
  applied = [];
  failure = {};
  log = keepLog();
  isLeading = true;
  monotonicMs = 700;
  nowMs = NOW;
  mint = createMint({
    client: {
      apply: async (_resource, object, options) => {
        if (failure.apply !== undefined) throw failure.apply;
        applied.push({ object, options });
        return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'ci-token', uid: 's', resourceVersion: '1' } };
      },
    },
    isLeading: () => isLeading,
    ledger: {
      fresh: async () => entry,
      change: async (_token, step) => {
        if (failure.change !== undefined) throw failure.change;
        changes += 1;
        entry = step(entry);
        return entry;
      },
    },
    clock: { nowMs: () => nowMs, monotonicMs: () => monotonicMs },
    log,
  });
});

const now = () => facts({ token: TOKEN, entry, nowMs });
const refusal = (status: number, causes: readonly KubeErrorCause[] = []) => new KubeError('Refused', 'refused', { status, causes });
const foreign = refusal(409, [{ reason: 'FieldManagerConflict', field: '.data.token' }]);

/** Makes a pending generation; its id and text. */
async function begin(): Promise<{ readonly generation: string; readonly text: string }> {
  await mint.begin(now(), signal);
  const held = mint.held('u1');
  if (held === undefined) throw new Error('nothing is held');
  return held;
}

describe('a new generation', () => {
  test('is on record as pending before anybody can read it', async () => {
    const { generation, text } = await begin();
    expect(entry?.generations).toEqual([{ id: generation, sha256: hashCredential(text), issuedAtMs: NOW, expiresAtMs: NOW + 24 * HOUR, state: 'Pending' }]);
    expect(applied).toEqual([]);
    expect(parseCredential(text)).toEqual({ generation });
    expect(mint.held('u1')).toEqual({ generation, text, sinceMs: 700 });
  });

  test('claims the name of its Secret in the very write that records it', async () => {
    await begin();
    expect([changes, entry?.secretName]).toEqual([1, 'ci-token']);
  });

  test('that is abandoned is on record no more, its text is held no more, and the name is free unless it was used', async () => {
    const { generation } = await begin();
    await mint.abandon(now(), generation, signal);
    expect([entry, mint.held('u1'), mint.refusedForMs('u1')]).toEqual([anEntry(), undefined, undefined]);
    entry = minted();
    await mint.abandon(now(), (await begin()).generation, signal);
    expect(entry).toEqual(minted());
  });

  test('of an object that is gone is held no more, and neither is what was found out about its Secret', async () => {
    failure = { apply: refusal(403) };
    await mint.deliver(now(), (await begin()).generation, signal).catch(() => undefined);
    failure = { apply: foreign };
    await mint.deliver(now(), mint.held('u1')?.generation ?? '', signal);
    await begin();
    mint.forget('u2');
    expect(mint.held('u1')).toBeDefined();
    mint.forget('u1');
    expect([mint.held('u1'), mint.refusedForMs('u1'), mint.secretRefusal('u1')]).toEqual([undefined, undefined, undefined]);
  });

  test('is another one each time', async () => {
    const first = await begin();
    entry = anEntry();
    const second = await begin();
    expect(second.generation).not.toBe(first.generation);
    expect(second.text).not.toBe(first.text);
  });

  test('leaves the current one as it is', async () => {
    entry = minted();
    await begin();
    expect(entry.generations[0]).toEqual(aGeneration('a', 'Current'));
    expect(entry.generations[1]?.state).toBe('Pending');
  });

  test.each([
    ['gone', { token: undefined }],
    ['not to be minted', { demand: undefined }],
    ['without a uid', { token: { ...TOKEN, metadata: { namespace: 'tools', name: 'ci' } } }],
  ])('is not made for a token that is %s', async (_what, over) => {
    await mint.begin(facts({ entry, ...over }), signal);
    expect([changes, mint.held('u1'), mint.held('')]).toEqual([0, undefined, undefined]);
  });

  test('is not put on the record of an object that took the name meanwhile', async () => {
    const taken = minted({ uid: 'u2' });
    entry = taken;
    await mint.begin(facts({ token: TOKEN, entry: anEntry() }), signal);
    expect(entry).toBe(taken);
  });
});

describe('a delivery', () => {
  test('writes the Secret, then the generation is current, and its text is held no more', async () => {
    const { generation, text } = await begin();
    nowMs += 5000;
    await mint.deliver(now(), generation, signal);
    expect(applied).toEqual([{
      object: {
        apiVersion: 'v1', kind: 'Secret', type: 'mcpgateway.dev/token',
        metadata: {
          namespace: 'tools', name: 'ci-token',
          ownerReferences: [{ apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'GatewayToken', name: 'ci', uid: 'u1', controller: true, blockOwnerDeletion: false }],
        },
        data: { token: Buffer.from(text).toString('base64') },
      },
      options: { fieldManager: 'mcpgateway-gatewaytoken-u1', signal },
    }]);
    expect(entry).toMatchObject({ secretName: 'ci-token', mintedAtMs: NOW, generations: [{ id: generation, state: 'Current' }] });
    expect(mint.held('u1')).toBeUndefined();
  });

  test('lets the former generation live on for the overlap', async () => {
    entry = minted();
    const { generation } = await begin();
    await mint.deliver(now(), generation, signal);
    expect(entry.generations.map(({ id, state, expiresAtMs }) => [id, state, expiresAtMs])).toEqual([['a0000000', 'Previous', NOW + HOUR], [generation, 'Current', NOW + 24 * HOUR]]);
  });

  test('acts upon a request to rotate once it is done', async () => {
    const token = aToken({}, { annotations: { 'mcpgateway.dev/rotate-requested-at': '2026-05-31T23:59:00Z' } });
    await mint.begin(facts({ token, entry }), signal);
    expect(entry?.observedRotateRequest).toBeUndefined();
    await mint.deliver(facts({ token, entry }), mint.held('u1')?.generation ?? '', signal);
    expect(entry?.observedRotateRequest).toBe('2026-05-31T23:59:00Z');
  });

  test('does not take over fields of another manager', async () => {
    const { generation } = await begin();
    await mint.deliver(now(), generation, signal);
    expect(applied[0]?.options.force).toBeUndefined();
  });

  test.each(['z0000000', ''])('of a generation that is not held (%p) is misuse, and nothing is written', async (generation) => {
    const { text } = await begin();
    await expect(mint.deliver(now(), generation, signal)).rejects.toThrow(TypeError);
    expect([applied, mint.held('u1')?.text]).toEqual([[], text]);
  });

  test('to an object that is gone writes nothing', async () => {
    const { generation } = await begin();
    await mint.deliver(facts({ token: undefined, entry }), generation, signal);
    expect([applied, changes]).toEqual([[], 1]);
  });

  test.each<[string, (pending: LedgerToken) => LedgerToken | undefined]>([
    ['of an object that took the name meanwhile', () => minted({ uid: 'u2' })],
    ['that another leader has taken back', (pending) => ({ ...pending, generations: [] })],
    ['that another leader has replaced', (pending) => ({ ...pending, generations: [aGeneration('z', 'Pending')] })],
    ['of a token that was revoked', (pending) => ({ ...pending, revoked: true })],
    ['of a token that was forgotten', () => undefined],
  ])('of a generation %s writes no Secret, whatever this process believes', async (_what, change) => {
    const { generation } = await begin();
    const asked = now();
    if (entry !== undefined) entry = change(entry);
    const others = entry?.generations.filter(({ id }) => id !== generation);
    await mint.deliver(asked, generation, signal);
    expect([applied, mint.held('u1'), mint.refusedForMs('u1')]).toEqual([[], undefined, undefined]);
    expect(entry?.generations).toEqual(others);
  });

  test('writes nothing once another process leads: what is held may be dead', async () => {
    const { generation } = await begin();
    const before = entry;
    isLeading = false;
    await expect(mint.deliver(now(), generation, signal)).rejects.toThrow(NotLeadingError);
    expect([applied, entry]).toEqual([[], before]);
  });
});

describe('a Secret of somebody else', () => {
  test.each([
    ['whose fields are another manager\'s', foreign],
    ['of another type', refusal(422, [{ reason: 'FieldValueInvalid', field: 'type' }])],
    ['with another controller', refusal(422, [{ reason: 'FieldValueInvalid', field: 'metadata.ownerReferences' }])],
  ])('%s is left alone: the pending generation goes, and nothing else changes', async (_what, error) => {
    entry = minted({ observedRotateRequest: 'before' });
    const before = entry;
    const { generation } = await begin();
    failure = { apply: error };
    await mint.deliver(now(), generation, signal);
    expect(entry).toEqual(before);
    expect([mint.held('u1'), mint.refusedForMs('u1'), mint.refusedForMs('u2')]).toEqual([undefined, 1_000, undefined]);
    expect(log.entries).toEqual([{ level: 'warn', message: 'token Secret belongs to somebody else', fields: { namespace: 'tools', token: 'ci' } }]);
  });

  test('is not needed where the token names none: that is given up in the same way', async () => {
    const { secretRef: _, ...spec } = TOKEN.spec;
    const { generation } = await begin();
    await mint.deliver(facts({ token: { ...TOKEN, spec }, entry }), generation, signal);
    expect([entry, applied, mint.held('u1'), mint.refusedForMs('u1')]).toEqual([anEntry(), [], undefined, 1_000]);
  });

  test('is tried again after a second, then ever later up to a minute, and anew once a delivery succeeded', async () => {
    failure = { apply: foreign };
    for (const waitMs of [1_000, 4_000, 16_000, 60_000, 60_000]) {
      await mint.deliver(now(), (await begin()).generation, signal);
      expect(mint.refusedForMs('u1')).toBe(waitMs);
      monotonicMs += waitMs;
      expect(mint.refusedForMs('u1')).toBeUndefined();
    }
    failure = {};
    await mint.deliver(now(), (await begin()).generation, signal);
    failure = { apply: foreign };
    await mint.deliver(now(), (await begin()).generation, signal);
    expect(mint.refusedForMs('u1')).toBe(1_000);
  });
});

describe('a failure', () => {
  test.each([
    ['of the server', refusal(500)],
    ['for want of a right', refusal(403)],
    ['by a policy', refusal(403, [{}])],
    ['in a namespace that is being deleted', refusal(403, [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }])],
    ['for another change at the same time', refusal(409)],
    ['of a field that is not the Secret\'s being', refusal(422, [{ reason: 'FieldValueInvalid', field: 'data' }])],
    ['that passes', refusal(503)],
    ['for want of the namespace', refusal(404)],
    ['without an answer', new KubeError('Timeout', 'no answer')],
    ['of another kind', Object.assign(new Error('broken'), { status: 409 })],
  ])('%s is passed on: the generation stays pending and its secret held, and the next delivery is of the same', async (_what, error) => {
    const { generation, text } = await begin();
    const before = entry;
    failure = { apply: error };
    await expect(mint.deliver(now(), generation, signal)).rejects.toBe(error);
    expect([entry, mint.held('u1')?.text, mint.refusedForMs('u1')]).toEqual([before, text, undefined]);
    expect(mint.secretRefusal('u1')).toBe(error instanceof KubeError && error.status !== undefined ? `${String(error.status)} Refused` : undefined);
    failure = {};
    await mint.deliver(now(), generation, signal);
    expect(mint.secretRefusal('u1')).toBeUndefined();
    expect(applied[0]?.object['data']).toEqual({ token: Buffer.from(text).toString('base64') });
  });

  test('to record a delivery leaves the secret held, and the next delivery writes the same', async () => {
    const { generation, text } = await begin();
    failure = { change: refusal(503) };
    await expect(mint.deliver(now(), generation, signal)).rejects.toMatchObject({ status: 503 });
    expect(mint.held('u1')?.text).toBe(text);
    failure = {};
    await mint.deliver(now(), generation, signal);
    expect(applied[0]).toEqual(applied[1]);
    expect(entry?.generations).toMatchObject([{ id: generation, state: 'Current' }]);
  });
});

test('the text of a token is held and in its Secret, and nowhere else', async () => {
  entry = minted();
  const { generation, text } = await begin();
  const secretPart = text.split('_')[2] ?? '';
  expect(secretPart).toHaveLength(43);
  const seen = [JSON.stringify(entry)];
  failure = { apply: refusal(500) };
  const error: unknown = await mint.deliver(now(), generation, signal).catch((thrown: unknown) => thrown);
  failure = {};
  await mint.deliver(now(), generation, signal);
  seen.push(JSON.stringify(entry), JSON.stringify(log.entries), String((error as Error).stack), JSON.stringify(applied.map(({ object }) => object.metadata)));
  expect(seen.join('\n')).not.toContain(secretPart);
  expect(seen.join('\n')).not.toContain(Buffer.from(text).toString('base64'));
  expect(Object.keys(applied[0]?.object['data'] as object)).toEqual(['token']);
  expect(log.entries).toEqual([{ level: 'info', message: 'token minted', fields: { namespace: 'tools', token: 'ci', generation } }]);
});
