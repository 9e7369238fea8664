/** The Secrets of standalone mode: `<state>/tokens/<namespace>/<secret name>`, one owner-only file per minted token. */
import { access, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hashCredential } from '../core/credential.ts';
import { syncDirectory, writeFileAtomic } from '../runtime/atomic-file.ts';
import { errorCodeOf } from '../runtime/error-code.ts';

export const TOKEN_FILES = 'tokens';

/** What the API server accepts as a name; in particular no slash and no dot first. */
const NAME = /^[a-z0-9][-a-z0-9.]*$/;

export interface TokenFiles {
  pathOf(namespace: string, secretName: string): string;
  /** Whole or not at all; readable by the owner alone. */
  write(namespace: string, secretName: string, credential: string): Promise<void>;
  /** SHA-256 of the credential in the file; `undefined` where there is no file. */
  hashOf(namespace: string, secretName: string): Promise<string | undefined>;
  isThere(namespace: string, secretName: string): Promise<boolean>;
  remove(namespace: string, secretName: string): Promise<void>;
  /** Removes every file, finished or not, that `isOwned` does not claim. */
  sweep(isOwned: (namespace: string, secretName: string) => boolean): Promise<void>;
}

export function createTokenFiles(stateDirectory: string): TokenFiles {
  const root = join(stateDirectory, TOKEN_FILES);
  const pathOf = (namespace: string, secretName: string): string => {
    if (!NAME.test(namespace) || !NAME.test(secretName)) throw new TypeError('not the name of a Kubernetes object');
    return join(root, namespace, secretName);
  };
  return {
    pathOf,
    async write(namespace, secretName, credential) {
      const path = pathOf(namespace, secretName);
      const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      if (made !== undefined) for (const parent of [root, stateDirectory]) await syncDirectory(parent);
      await writeFileAtomic(path, `${credential}\n`, { mode: 0o600, replace: true });
    },
    async hashOf(namespace, secretName) {
      const text = await readFile(pathOf(namespace, secretName), 'utf8').catch(ignoreMissing);
      return text === undefined ? undefined : hashCredential(text.trimEnd());
    },
    isThere: (namespace, secretName) =>
      access(pathOf(namespace, secretName)).then(
        () => true,
        () => false,
      ),
    async remove(namespace, secretName) {
      const path = pathOf(namespace, secretName);
      await rm(path, { force: true });
      await syncDirectory(dirname(path)).catch(ignoreMissing);
    },
    async sweep(isOwned) {
      for (const namespace of (await readdir(root).catch(ignoreMissing)) ?? []) {
        for (const secretName of await readdir(join(root, namespace))) {
          if (!isOwned(namespace, secretName)) await rm(join(root, namespace, secretName), { force: true });
        }
      }
    },
  };
}

function ignoreMissing(error: unknown): undefined {
  if (errorCodeOf(error) !== 'ENOENT') throw error;
  return undefined;
}
