import { describe, expect, test } from '@jest/globals';
import type { LedgerToken } from '../../../../../api/ledger.ts';
import { hashCredential } from '../../../../../core/credential.ts';
import { recoverPending } from '../../../../../operator/controllers/gateway-token/recover-pending.ts';
import { KubeError } from '../../../../../operator/kube/kube-error.ts';
import { systemClock } from '../../../../../runtime/clock.ts';
import { aGeneration, anEntry, aToken, facts, minted, NOW } from './kit.ts';

const TEXT = 'mgt_written';
const DELIVERED = aGeneration('b', 'Pending', { sha256: hashCredential(TEXT) });
const { signal } = new AbortController();

async function recovered(entry: LedgerToken, answer: unknown, token = aToken()): Promise<LedgerToken | undefined> {
  let kept: LedgerToken | undefined = entry;
  const patch = async () => {
    if (answer instanceof Error) throw answer;
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'ci-token', uid: 's', resourceVersion: '1' }, data: answer };
  };
  const ledger = { change: async (_name: unknown, step: (entry: LedgerToken | undefined) => LedgerToken | undefined) => (kept = step(kept)) };
  await recoverPending({ client: { patch }, ledger, clock: { ...systemClock, nowMs: () => NOW } }, facts({ token, entry }), signal);
  return kept;
}

describe('a pending generation of another leader', () => {
  test('that its Secret holds is kept, becomes current, and the Secret is its own', async () => {
    const entry = await recovered(anEntry({ generations: [DELIVERED] }), { token: Buffer.from(TEXT).toString('base64') });
    expect(entry).toMatchObject({ secretName: 'ci-token', generations: [{ id: DELIVERED.id, state: 'Current' }] });
  });

  test('replaces the current one as a rotation does', async () => {
    const entry = await recovered(minted({ generations: [aGeneration('a', 'Current'), DELIVERED] }), { token: Buffer.from(TEXT).toString('base64') });
    expect(entry?.generations.map(({ id, state }) => [id, state])).toEqual([['a0000000', 'Previous'], [DELIVERED.id, 'Current']]);
  });

  test.each<[string, unknown]>([
    ['holds another token', { token: Buffer.from('mgt_other').toString('base64') }],
    ['holds nothing', undefined],
    ['is not there', new KubeError('NotFound', 'not found', { status: 404 })],
    ['is of another type, which the policy of the account hides', new KubeError('Forbidden', 'no', { status: 403, causes: [{}] })],
  ])('is dropped when the Secret %s, and the current one stays', async (_what, answer) => {
    const before = minted({ generations: [aGeneration('a', 'Current'), DELIVERED] });
    expect(await recovered(before, answer)).toEqual(minted());
  });

  test('that nobody was shown leaves the name that it claimed', async () => {
    expect(await recovered(anEntry({ secretName: 'ci-token', generations: [DELIVERED] }), undefined)).toEqual(anEntry());
  });

  test('stays while nobody can say', async () => {
    await expect(recovered(anEntry({ generations: [DELIVERED] }), new KubeError('Timeout', 'late'))).rejects.toThrow('late');
    // Of RBAC: the Secret may hold it all the same.
    await expect(recovered(anEntry({ generations: [DELIVERED] }), new KubeError('Forbidden', 'no', { status: 403 }))).rejects.toThrow('no');
  });

  test('of an object that is another by now is left to its reconcile', async () => {
    const before = anEntry({ generations: [DELIVERED] });
    expect(await recovered(before, { token: Buffer.from(TEXT).toString('base64') }, aToken({}, { uid: 'u2' }))).toBe(before);
  });
});
