import { describe, expect, test } from '@jest/globals';
import type { Bundle } from '../../../../api/bundle.ts';
import { createBundleAdmission, NOTHING_HELD } from '../../../../sidecar/snapshot/bundle-admission.ts';
import type { BundleAdmission } from '../../../../sidecar/snapshot/bundle-admission.ts';
import { aRevision, revoking, without } from '../../../kit/bundle-changes.ts';

const live = (admission: BundleAdmission): readonly string[] | undefined => admission.effective()?.tokens.flatMap(({ name, revoked }) => (revoked ? [] : [name]));

function anAdmission(...bundles: readonly Bundle[]): BundleAdmission {
  const admission = createBundleAdmission(NOTHING_HELD, new WeakMap());
  for (const bundle of bundles) admission.offer({ stream: 'A', epoch: 0, bundle }, 0);
  return admission;
}

const from = (stream: string, bundle: Bundle, epoch = 0) => ({ stream, epoch, bundle });
const first = aRevision(['alice', 'bob'], 10, { GatewayToken: '10', MCPServer: '10' });

describe('a revoked token', () => {
  test('stays dead whoever brings it back, and under another revision than the bundle that does', () => {
    const admission = anAdmission(first, revoking(first, 'alice', 20));
    const unaware = revoking({ ...first, order: { ...first.order, GatewayToken: '30' } }, 'bob', 30);
    admission.offer(from('B', unaware), 0);
    admission.offer(from('B', { ...aRevision(['alice', 'bob'], 40), server: first.server }), 0);
    expect(live(admission)).toEqual(['bob'].filter((name) => live(admission)?.includes(name)));
    expect(live(admission)).not.toContain('alice');
    expect(admission.effective()?.revision).not.toBe(admission.held().bundle?.revision);
  });

  test('is learnt even from a bundle that is not taken', () => {
    const shard = 'Secret/home/shard';
    const admission = anAdmission({ ...first, order: { ...first.order, [shard]: '10' } });
    const older = revoking({ ...first, order: { ...first.order, [shard]: '9' } }, 'alice', 11);
    expect(admission.offer(from('B', older), 0)).toBe(false);
    expect(live(admission)).toEqual(['bob']);
  });

  test('is forgotten when it has expired, and not before', () => {
    const admission = anAdmission(first, revoking(first, 'alice', 20));
    expect(admission.held().tombstones.size).toBe(1);
    admission.offer(from('A', without(revoking(first, 'alice', 20), 'alice', { GatewayToken: '21' })), 3_999_999_999_999);
    expect(admission.held().tombstones.size).toBe(1);
    admission.offer(from('A', without(first, 'alice', { GatewayToken: '22' })), 4_000_000_000_000);
    expect(admission.held().tombstones.size).toBe(0);
  });

  test('comes back with a higher epoch, and a lower one is not heard', () => {
    const admission = anAdmission(first, revoking(first, 'alice', 20));
    expect(admission.offer(from('B', aRevision(['alice'], 3), 1), 0)).toBe(true);
    expect(live(admission)).toEqual(['alice']);
    expect(admission.offer(from('A', aRevision(['bob'], 99), 0), 0)).toBe(false);
  });
});

describe('a token that is in no bundle any more', () => {
  const gone = without(first, 'alice', { GatewayToken: '30' });

  test('is not brought back by a replica that has seen less', () => {
    const admission = anAdmission(first, gone);
    expect(admission.offer(from('B', { ...first, order: { ...first.order, GatewayToken: '25' } }), 0)).toBe(false);
    expect(live(admission)).toEqual(['bob']);
  });

  test('is not brought back by one that does not say how much it has seen', () => {
    const admission = anAdmission(aRevision(['alice', 'bob'], 10), without(aRevision(['alice', 'bob'], 10), 'alice'));
    admission.offer(from('B', aRevision(['alice', 'bob'], 25)), 0);
    expect(live(admission)).toEqual(['bob']);
  });

  test('is back when the stream that had dropped it has it again', () => {
    const admission = anAdmission(first, without(first, 'alice'), revoking(first, 'bob', 40));
    expect(live(admission)).toEqual(['alice']);
  });

  test('is back when one that has seen as much has it', () => {
    const admission = anAdmission(first, gone);
    admission.offer(from('B', revoking({ ...first, order: { ...first.order, GatewayToken: '31' } }, 'bob', 31)), 0);
    expect(live(admission)).toEqual(['alice']);
  });

  test('is dead also when only a mixed bundle proves it, but not when that one does not know the server', () => {
    const admission = anAdmission(first);
    const mixed = without(first, 'alice', { GatewayToken: '12', 'GatewayToken/default/bob': '9' });
    expect(admission.offer(from('B', mixed), 0)).toBe(false);
    expect(live(admission)).toEqual(['bob']);
    const another = anAdmission(first);
    another.offer(from('B', without(first, 'alice', { GatewayToken: '12', 'MCPServer/default/server': '9' })), 0);
    expect(live(another)).toEqual(['alice', 'bob']);
  });
});

describe('a retracted server', () => {
  test('allows nothing, and no replica that has seen less brings it back', () => {
    const admission = anAdmission(first);
    expect(admission.retract({ stream: 'A', epoch: 0, order: { MCPServer: '50' } })).toBe(true);
    expect(admission.effective()).toBeUndefined();
    admission.offer(from('B', revoking({ ...first, order: { ...first.order, MCPServer: '45' } }, 'bob', 60)), 0);
    expect(admission.effective()).toBeUndefined();
    admission.offer(from('B', revoking({ ...first, order: { ...first.order, MCPServer: '51' } }, 'bob', 61)), 0);
    expect(live(admission)).toEqual(['alice']);
  });

  test('comes back on the stream that retracted it', () => {
    const admission = anAdmission(first);
    admission.retract({ stream: 'A', epoch: 0, order: {} });
    expect(admission.offer(from('B', first), 0)).toBe(false);
    expect(admission.offer(from('A', first), 0)).toBe(true);
  });

  test('is not retracted by a replica that has not seen it yet', () => {
    const admission = anAdmission(first);
    expect(admission.retract({ stream: 'B', epoch: 0, order: { MCPServer: '9' } })).toBe(false);
    expect(live(admission)).toEqual(['alice', 'bob']);
  });
});

test('the same content from two replicas is one object, with the newest order of both', () => {
  const admission = anAdmission(first);
  const before = admission.effective();
  expect(admission.offer(from('B', { ...first, order: { ...first.order, MCPServer: '99' } }), 0)).toBe(true);
  expect(admission.effective()).toBe(before);
  expect(admission.held().bundle?.order['MCPServer']).toBe('99');
});
