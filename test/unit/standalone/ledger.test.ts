import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { EMPTY_LEDGER } from '../../../api/ledger.ts';
import { LEDGER_FILE, openLedger } from '../../../standalone/ledger.ts';
import { TOKEN_FILES } from '../../../standalone/token-files.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();

test('starts empty in a fresh directory, and finds again what it saved', async () => {
  const directory = aDirectory();
  const store = await openLedger(directory);
  expect(store.get()).toEqual(EMPTY_LEDGER);
  store.update((ledger) => ({ ...ledger, sessionKeys: { s1: 'key' } }));
  await store.save();
  expect((await openLedger(directory)).get().sessionKeys).toEqual({ s1: 'key' });
  expect(statSync(join(directory, LEDGER_FILE)).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual([LEDGER_FILE]);
});

test('saves what was there at the call, in order, however many calls overlap', async () => {
  const directory = aDirectory();
  const store = await openLedger(directory);
  const saves = ['a', 'b', 'c'].map((key) => {
    store.update((ledger) => ({ ...ledger, sessionKeys: { ...ledger.sessionKeys, [key]: key } }));
    return store.save();
  });
  await Promise.all(saves);
  expect(Object.keys((await openLedger(directory)).get().sessionKeys)).toEqual(['a', 'b', 'c']);
});

test('reports a failed write and tries again with the next', async () => {
  const directory = join(aDirectory(), 'later');
  const store = await openLedger(directory);
  store.update((ledger) => ({ ...ledger, sessionKeys: { s1: 'key' } }));
  await expect(store.save()).rejects.toMatchObject({ code: 'ENOENT' });
  mkdirSync(directory);
  await store.save();
  expect((await openLedger(directory)).get().sessionKeys).toEqual({ s1: 'key' });
});

test.each<[string, string, string]>([
  ['is not JSON', '{"format":1,"tokens":[{"name":"secret-looking', 'is damaged (is not JSON)'],
  ['is empty', '', 'is damaged (is not JSON)'],
  ['has another shape', '{"format":1,"tokens":{},"sessionKeys":{}}', 'is damaged (tokens: is not a list)'],
])('F10: refuses to start from a ledger that %s, and says what to do', async (_title, text, fault) => {
  const directory = aDirectory();
  writeFileSync(join(directory, LEDGER_FILE), text);
  const error: unknown = await openLedger(directory).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain(`${join(directory, LEDGER_FILE)}: ${fault}. Restore it from a backup; or`);
  expect(String(error)).not.toContain('secret-looking');
});

test('F10: refuses to start empty where tokens were minted before', async () => {
  const directory = aDirectory();
  mkdirSync(join(directory, TOKEN_FILES));
  await expect(openLedger(directory)).rejects.toThrow('is missing although tokens were minted here');
});
