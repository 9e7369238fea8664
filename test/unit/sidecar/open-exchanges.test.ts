import { describe, expect, test } from '@jest/globals';
import { Denial } from '../../../core/denial.ts';
import { isListed } from '../../../core/policy/evaluate.ts';
import { createExchange } from '../../../sidecar/audit/exchange.ts';
import { createOpenExchanges } from '../../../sidecar/open-exchanges.ts';
import type { OpenExchange } from '../../../sidecar/open-exchanges.ts';
import type { Snapshot } from '../../../sidecar/snapshot/snapshot.ts';
import { buildSnapshot } from '../../../sidecar/snapshot/snapshot.ts';
import type { TestToken } from '../../kit/bundles.ts';
import { aClock, aSnapshot, ECHO, liveToken, NOW, presentedOf } from './kit.ts';

const TOKEN = liveToken();
const changed = (token: Partial<TestToken['token']>): TestToken => ({ text: TOKEN.text, token: { ...TOKEN.token, ...token } });

function opened(snapshot: Snapshot = aSnapshot({ tokens: [TOKEN] })): {
  readonly snapshot: Snapshot; readonly entry: OpenExchange; readonly cuts: string[]; readonly open: ReturnType<typeof createOpenExchanges>; readonly clock: ReturnType<typeof aClock>;
} {
  const [server] = snapshot.servers.values();
  const cuts: string[] = [];
  const clock = aClock();
  const open = createOpenExchanges(clock);
  const entry: OpenExchange = {
    exchange: createExchange({ id: 'r', startedMonotonicMs: 0, peer: '', httpMethod: 'POST' }),
    message: ECHO,
    server: server!,
    presented: presentedOf(server!, TOKEN),
    cut: (cause, { code }) => void cuts.push(`${cause} ${code}`),
  };
  open.add(entry);
  return { snapshot, entry, cuts, open, clock };
}

describe('a new snapshot', () => {
  const otherSecret = [{ ...TOKEN.token.generations[0]!, sha256: 'f'.repeat(64) }];
  const deny = { rule: 'r', effect: 'Deny', principals: [{ groups: ['suspended'] }], patterns: { tools: ['*'], prompts: ['*'], resources: ['*'] } } as const;
  const suspended = changed({ identity: { ...TOKEN.token.identity, groups: ['suspended'] } });
  test.each<[string, Snapshot, string]>([
    ['has no such server', buildSnapshot([], []), 'policy-changed ERR_SERVER_NOT_ACCEPTED'],
    ['has another server of the same name', aSnapshot({ tokens: [TOKEN], name: 'other' }), 'policy-changed ERR_SERVER_NOT_ACCEPTED'],
    ['has no such token', aSnapshot(), 'revoked ERR_CREDENTIAL_REVOKED'],
    ['says it is revoked', aSnapshot({ tokens: [changed({ revoked: true })] }), 'revoked ERR_CREDENTIAL_REVOKED'],
    ['has the generation under another token', aSnapshot({ tokens: [changed({ uid: 'other' })] }), 'revoked ERR_CREDENTIAL_REVOKED'],
    ['has the generation with another secret', aSnapshot({ tokens: [changed({ generations: otherSecret })] }), 'revoked ERR_CREDENTIAL_REVOKED'],
    ['lets the credential speak for somebody else', aSnapshot({ tokens: [changed({ identity: { ...TOKEN.token.identity, user: 'bob' } })] }), 'revoked ERR_CREDENTIAL_REVOKED'],
    ['has it expire in the past', aSnapshot({ tokens: [changed({ generations: [{ ...TOKEN.token.generations[0]!, expiresAtMs: NOW }] })] }), 'expired ERR_CREDENTIAL_EXPIRED'],
    ['grants something else', aSnapshot({ tokens: [changed({ grants: [{ rule: 'r', allow: { tools: ['other'], prompts: [], resources: [] } }] })] }), 'policy-changed ERR_PERMISSION_DENIED'],
    ['denies a group that its principal is in now', aSnapshot({ tokens: [suspended], rules: [deny] }), 'policy-changed ERR_SERVER_NOT_GRANTED'],
  ])('that %s cuts what is open, before it returns', (_name, next, cut) => {
    const { open, cuts } = opened();
    expect([...open.rejudge(next).values()]).toEqual([1]);
    expect(cuts).toEqual([cut]);
  });

  test('that changes nothing that matters leaves it open', () => {
    const { open, cuts } = opened();
    expect([...open.rejudge(aSnapshot({ tokens: [TOKEN, liveToken({ name: 'bob' })] }))]).toEqual([]);
    expect(cuts).toEqual([]);
  });

  test('that ends the credential earlier is what its expiry goes by', () => {
    const { open, cuts, clock } = opened();
    open.rejudge(aSnapshot({ tokens: [changed({ generations: [{ ...TOKEN.token.generations[0]!, expiresAtMs: NOW + 10 }] })] }));
    clock.at = NOW + 9;
    open.cutExpired();
    expect(cuts).toEqual([]);
    clock.at = NOW + 10;
    open.cutExpired();
    expect(cuts).toEqual(['expired ERR_CREDENTIAL_EXPIRED']);
  });

  test('that puts the principal into another group is what lists are filtered by', () => {
    const { open, entry } = opened();
    const some = { ...deny, patterns: { tools: ['hidden'], prompts: [], resources: [] } };
    open.rejudge(aSnapshot({ tokens: [suspended], rules: [some] }));
    const shown = (name: string): boolean => isListed(entry.presented.principal, 'tools', { name }, entry.server.policy);
    expect([shown('hidden'), shown('echo')]).toEqual([false, true]);
  });

  test('that changes the identity cuts streams without an end, which were begun with the former one, and no call', () => {
    const promoted = aSnapshot({ tokens: [changed({ identity: { ...TOKEN.token.identity, groups: ['other'] } })] });
    const call = opened();
    call.open.rejudge(promoted);
    expect(call.cuts).toEqual([]);
    const stream = opened();
    stream.open.add({ ...stream.entry, message: { kind: 'stream', era: 'legacy' } });
    stream.open.rejudge(promoted);
    expect(stream.cuts).toEqual(['policy-changed ERR_IDENTITY_CHANGED']);
  });

  test('of the same revision changes nothing', () => {
    const { open, cuts, snapshot } = opened();
    expect([...open.rejudge(snapshot)]).toEqual([]);
    expect(cuts).toEqual([]);
  });
});

describe('what is open', () => {
  test('is judged no more once it is removed', () => {
    const { open, entry, cuts, clock } = opened();
    open.remove(entry);
    clock.at = Infinity;
    open.cutExpired();
    expect([...open.rejudge(aSnapshot())]).toEqual([]);
    expect(cuts).toEqual([]);
  });

  test('is cut by choice, and each may remove itself meanwhile', () => {
    const { open, entry, cuts } = opened();
    const second = { ...entry, message: { kind: 'stream', era: 'legacy' } as const, cut: () => open.remove(second) };
    open.add(second);
    open.cutAll('shutdown', new Denial('ERR_SHUTTING_DOWN', 'no'), ({ message }) => message.kind === 'single');
    expect(cuts).toEqual(['shutdown ERR_SHUTTING_DOWN']);
    open.cutAll('shutdown', new Denial('ERR_SHUTTING_DOWN', 'no'), () => true);
    expect(cuts).toHaveLength(2);
  });
});
