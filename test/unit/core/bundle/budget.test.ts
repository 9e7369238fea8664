import { describe, expect, test } from '@jest/globals';
import { keepWithinBudget, MAX_TOKEN_BYTES, MAX_TOKENS_BYTES } from '../../../../core/bundle/budget.ts';
import { compileBundles } from '../../../../core/bundle/compile.ts';
import { aServer, aToken, anInput } from './kit.ts';

const END = '2027-01-31T00:00:00Z';
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString().replace('.000Z', 'Z');

/** A Hash token of about this many bytes, made at this second. */
function sized(name: string, bytes: number, second: number, more: { readonly revoked?: boolean } = {}) {
  const id = name.padStart(8, 'a');
  return aToken(
    name,
    { source: { type: 'Hash', id, sha256: id.repeat(8) }, expiresAt: END, identity: { user: name, attributes: { note: 'x'.repeat(bytes) } }, ...more },
    { creationTimestamp: at(second) },
  );
}

function compile(tokens: readonly ReturnType<typeof sized>[]) {
  const { bundles, problems } = compileBundles(anInput({ servers: [aServer('github')], tokens: [...tokens] }));
  return { names: new Set(bundles[0]?.tokens.map(({ name }) => name)), order: Object.keys(bundles[0]?.order ?? {}), problems: problems.map(({ name, field }) => `${name} ${field}`), bytes: Buffer.byteLength(JSON.stringify(bundles[0])) };
}

describe('a token', () => {
  test.each([false, true])('that is too large is in no bundle (revoked: %s) and is told why; the others are unaffected', (revoked) => {
    const { names, order, problems } = compile([sized('big', MAX_TOKEN_BYTES, 1, { revoked }), sized('small', 10, 2)]);
    expect(names).toEqual(new Set(['small']));
    expect(order).not.toContain('GatewayToken/tools/big');
    expect(problems).toEqual(['big spec']);
  });

  test('is measured in bytes', () => {
    const wide = aToken('wide', { source: { type: 'Hash', id: 'aaaaaaaa', sha256: 'a'.repeat(64) }, expiresAt: END, identity: { user: 'wide', attributes: { note: '\u{20ac}'.repeat(MAX_TOKEN_BYTES / 3) } } });
    expect(compile([wide]).problems).toEqual(['wide spec']);
  });
});

describe('all tokens of a server', () => {
  const many = Array.from({ length: 200 }, (_, index) => sized(`t${String(index)}`, MAX_TOKEN_BYTES - 1024, index));

  test('stay within the bound, the oldest first, whatever order they are in', () => {
    const { names, problems, bytes } = compile([...many].reverse());
    expect(names.size).toBeLessThan(200);
    expect(names).toEqual(new Set(many.slice(0, names.size).map(({ metadata }) => metadata.name)));
    expect(problems).toEqual(expect.arrayContaining(['t199 spec.permissions']));
    expect(problems).toHaveLength(200 - names.size);
    expect(bytes).toBeLessThan(MAX_TOKENS_BYTES + MAX_TOKEN_BYTES);
    expect(bytes).toBeGreaterThan(MAX_TOKENS_BYTES - 2 * MAX_TOKEN_BYTES);
  });

  test('an older token, revoked or not, is not pushed out by younger ones', () => {
    const { names } = compile([...many, sized('old', 10, -10), sized('dead', 10, -9, { revoked: true })]);
    expect([names.has('old'), names.has('dead')]).toEqual([true, true]);
  });
});

test('nothing is nothing', () => {
  expect(keepWithinBudget([])).toEqual({ kept: [], problems: [] });
});
