import { describe, expect, test } from '@jest/globals';
import type { Ledger, LedgerToken } from '../../../api/ledger.ts';
import { EMPTY_LEDGER } from '../../../api/ledger.ts';
import { hashCredential, parseCredential } from '../../../core/credential.ts';
import type { LedgerStore } from '../../../standalone/ledger.ts';
import type { TokenDemand } from '../../../core/token-life.ts';
import type { Minter } from '../../../standalone/minter.ts';
import { createMinter } from '../../../standalone/minter.ts';
import type { TokenFiles } from '../../../standalone/token-files.ts';

const HOUR = 3_600_000;
const DEMANDS: ReadonlyMap<string, TokenDemand> = new Map([['tools/ci', { lifetimeMs: 24 * HOUR }]]);
const ENTRY: LedgerToken = {
  namespace: 'tools',
  name: 'ci',
  uid: 'u1',
  firstSeenMs: 0,
  revoked: false,
  secretName: 'ci-token',
  generations: [],
};

interface Kit {
  readonly minter: Minter;
  readonly ledger: LedgerStore;
  readonly files: Map<string, string>;
  /** Every step with an effect outside, in order, as it looks at that moment. */
  readonly steps: string[];
  /** What is on disk. */
  saved(): Ledger;
  /** Rejects at the next step of this name. */
  fail(step: string): void;
  on(step: string, effect: () => void): void;
}

function aMinter(initial: Ledger = { ...EMPTY_LEDGER, tokens: [ENTRY] }, files = new Map<string, string>()): Kit {
  let ledger = initial;
  let saved = initial;
  let failing: string | undefined;
  let random = 0;
  const steps: string[] = [];
  const effects = new Map<string, () => void>();
  const step = (name: string, detail: string): void => {
    effects.get(name)?.();
    if (failing === name) {
      failing = undefined;
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    }
    steps.push(`${name} ${detail}`.trim());
  };
  const states = (): string => ledger.tokens.flatMap((token) => token.generations.map(({ state }) => state)).join('+');
  const store: LedgerStore = {
    get: () => ledger,
    update: (change) => {
      ledger = change(ledger);
    },
    save: async () => {
      step('save', states());
      saved = ledger;
    },
  };
  const tokenFiles: TokenFiles = {
    pathOf: (namespace, name) => `${namespace}/${name}`,
    write: async (namespace, name, credential) => {
      step('file', name);
      files.set(`${namespace}/${name}`, credential);
    },
    hashOf: async (namespace, name) => {
      const text = files.get(`${namespace}/${name}`);
      return text === undefined ? undefined : hashCredential(text);
    },
    isThere: async (namespace, name) => files.has(`${namespace}/${name}`),
    remove: async (namespace, name) => {
      step('remove', name);
      files.delete(`${namespace}/${name}`);
    },
    sweep: async (isOwned) => {
      for (const path of [...files.keys()]) {
        const [namespace = '', name = ''] = path.split('/');
        if (!isOwned(namespace, name)) files.delete(path);
      }
    },
  };
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => log };
  const minter: Minter = createMinter({
    ledger: store,
    files: tokenFiles,
    clock: { nowMs: () => HOUR, monotonicMs: () => 0 },
    randomBytes: (length) => new Uint8Array(length).fill((random += 1)),
    log,
    publish: () => {
      const accepted = ledger.tokens.flatMap(({ generations }) => generations.filter(({ id }) => minter.isRecorded(id)));
      step('publish', accepted.map(({ state }) => state).join('+'));
    },
  });
  return {
    minter,
    ledger: store,
    files,
    steps,
    saved: () => saved,
    fail: (name) => {
      failing = name;
    },
    on: (name, effect) => effects.set(name, effect),
  };
}

test('F10: mints in the order recorded, known, in its file, current', async () => {
  const { minter, files, steps, saved } = aMinter();
  await minter.run(DEMANDS);
  expect(steps).toEqual(['save Pending', 'publish Pending', 'file ci-token', 'save Current', 'publish Current']);
  const credential = files.get('tools/ci-token') ?? '';
  expect(parseCredential(credential)?.generation).toBe(saved().tokens[0]?.generations[0]?.id);
  expect(saved().tokens[0]?.generations[0]).toMatchObject({ sha256: hashCredential(credential), issuedAtMs: HOUR, expiresAtMs: 25 * HOUR });
});

test('does nothing but save when nothing is due', async () => {
  const { minter, steps } = aMinter();
  await minter.run(DEMANDS);
  steps.length = 0;
  await minter.run(DEMANDS);
  expect(steps).toEqual(['save Current']);
});

test('F10: a generation that is not on disk yet is accepted nowhere', async () => {
  const { minter, ledger, on } = aMinter();
  const seen: boolean[] = [];
  on('save', () => seen.push(...ledger.get().tokens.flatMap(({ generations }) => generations.map(({ id }) => minter.isRecorded(id)))));
  await minter.run(DEMANDS);
  expect(seen).toEqual([false, true]);
});

describe('F10: a failure', () => {
  test('to record leaves nothing behind, and the next run mints', async () => {
    const { minter, ledger, files, fail } = aMinter();
    fail('save');
    await expect(minter.run(DEMANDS)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(ledger.get().tokens).toEqual([ENTRY]);
    expect(files.size).toBe(0);
    await minter.run(DEMANDS);
    expect(files.size).toBe(1);
  });

  test('to write the file keeps the former generations and does not hold up other tokens', async () => {
    const other: LedgerToken = { ...ENTRY, name: 'other', uid: 'u2', secretName: 'other-token' };
    const { minter, saved, files, fail } = aMinter({ ...EMPTY_LEDGER, tokens: [ENTRY, other] });
    fail('file');
    await minter.run(new Map([...DEMANDS, ['tools/other', { lifetimeMs: HOUR }]]));
    expect([...files.keys()]).toEqual(['tools/other-token']);
    expect(saved().tokens).toMatchObject([{ name: 'ci', generations: [] }, { name: 'other', generations: [{ state: 'Current' }] }]);
  });

  test.each(['save', 'publish', 'file'])('that ends the process at step "%s" leaves every secret in a file on record', async (name) => {
    const crashed = aMinter();
    crashed.fail(name);
    await crashed.minter.run(DEMANDS).catch(() => undefined);
    const after = aMinter(crashed.saved(), crashed.files);
    await after.minter.recover(DEMANDS);
    await after.minter.run(DEMANDS);
    const hashes = after.saved().tokens.flatMap(({ generations }) => generations.map(({ sha256 }) => sha256));
    expect([...after.files.values()].map(hashCredential)).toEqual(hashes);
    expect(hashes).toHaveLength(1);
  });
});

describe('a token that is deleted while it is being minted', () => {
  test.each<[string, readonly string[]]>([
    ['publish', ['save Pending', 'publish Pending', 'save', 'publish']],
    ['file', ['save Pending', 'publish Pending', 'file ci-token', 'save', 'publish']],
  ])('at step "%s" is not revived', async (name, expected) => {
    const { minter, ledger, steps, on, saved } = aMinter();
    on(name, () => ledger.update((now) => ({ ...now, tokens: [] })));
    await minter.run(DEMANDS);
    expect(saved().tokens).toEqual([]);
    expect(steps).toEqual(expected);
  });

  test('loses its file after its record', async () => {
    const { minter, ledger, steps, files } = aMinter();
    await minter.run(DEMANDS);
    ledger.update((now) => ({ ...now, tokens: [] }));
    minter.forget([ENTRY]);
    steps.length = 0;
    await minter.run(new Map());
    expect(steps).toEqual(['save', 'remove ci-token']);
    expect(files.size).toBe(0);
  });

  test('leaves its file to the next owner of the name', async () => {
    const { minter, ledger, files } = aMinter();
    await minter.run(DEMANDS);
    ledger.update((now) => ({ ...now, tokens: [{ ...ENTRY, uid: 'u2' }] }));
    minter.forget([ENTRY]);
    const before = files.get('tools/ci-token');
    await minter.run(DEMANDS);
    expect(files.get('tools/ci-token')).not.toBe(before);
    expect(files.size).toBe(1);
  });
});

test('names the file of a live token that was removed by hand', async () => {
  const { minter, files } = aMinter();
  expect(await minter.missingFiles()).toEqual([]);
  await minter.run(DEMANDS);
  expect(await minter.missingFiles()).toEqual([]);
  files.clear();
  expect(await minter.missingFiles()).toEqual(['tools/ci-token']);
});

describe('recovery', () => {
  const pending = { id: 'k7Qd2mXa', sha256: hashCredential('written'), issuedAtMs: HOUR, expiresAtMs: 9 * HOUR, state: 'Pending' } as const;
  const crashed: Ledger = { ...EMPTY_LEDGER, tokens: [{ ...ENTRY, generations: [pending] }] };

  test('F10: keeps a pending generation that its owner may have read', async () => {
    const { minter, ledger } = aMinter(crashed, new Map([['tools/ci-token', 'written']]));
    await minter.recover(DEMANDS);
    expect(ledger.get().tokens[0]?.generations).toEqual([{ ...pending, state: 'Current' }]);
  });

  test('F10: drops one whose secret nobody has, and sweeps files without a record', async () => {
    const { minter, ledger, files } = aMinter(crashed, new Map([['tools/orphan', 'lost']]));
    await minter.recover(DEMANDS);
    expect(ledger.get().tokens[0]?.generations).toEqual([]);
    expect(files.size).toBe(0);
  });
});

test.each(['save', 'file'])('a mint that fails at %s leaves what was shortened meanwhile short, and the former generation alive', async (step) => {
  const generation = { id: 'aaaaaaaa', sha256: 'a'.repeat(64), issuedAtMs: 0, expiresAtMs: 9 * HOUR };
  const previous = { ...generation, id: 'bbbbbbbb', sha256: 'b'.repeat(64), state: 'Previous' } as const;
  const entry: LedgerToken = { ...ENTRY, mintedAtMs: 0, generations: [previous, { ...generation, state: 'Current' }] };
  const kit = aMinter({ ...EMPTY_LEDGER, tokens: [entry] });
  kit.on(step, () =>
    kit.ledger.update((now) => ({
      ...now,
      tokens: now.tokens.map((token) => ({ ...token, generations: token.generations.map((each) => (each.state === 'Current' ? { ...each, expiresAtMs: HOUR } : each)) })),
    })),
  );
  kit.fail(step);
  await kit.minter.run(new Map([['tools/ci', { lifetimeMs: 24 * HOUR, rotateRequest: 'now' }]])).catch(() => undefined);
  expect(kit.ledger.get().tokens[0]?.generations).toEqual([previous, { ...generation, state: 'Current', expiresAtMs: HOUR }]);
});
