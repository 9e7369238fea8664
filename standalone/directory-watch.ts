/**
 * Tells that something in a set of directories changed, not what: the reader finds that out. One inotify watch per
 * directory (Node's recursive watching loses files that are replaced by renaming).
 */
import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { isConfigName } from '../core/config-directory.ts';

export interface DirectoryWatch {
  /** Watches exactly these directories from now on. True: some are new, so what happened before may have been missed. */
  arm(directories: ReadonlyMap<string, string>): boolean;
  stop(): void;
}

/** Through which a Kubernetes mount swaps all of its files at once. */
const MOUNT_LINK = '..data';

export function createDirectoryWatch(onChange: () => void): DirectoryWatch {
  const armed = new Map<string, { readonly identity: string; readonly watcher: FSWatcher }>();

  function disarm(path: string): void {
    armed.get(path)?.watcher.close();
    armed.delete(path);
  }

  function arm(path: string, identity: string): boolean {
    if (armed.get(path)?.identity === identity) return false;
    disarm(path);
    try {
      const watcher = watch(path, { persistent: false }, (_event, name) => {
        if (name === null || name === MOUNT_LINK || isConfigName(name)) onChange();
      });
      // Dropped here, armed again at the next look, which comes within the period at the latest.
      watcher.on('error', () => disarm(path));
      armed.set(path, { identity, watcher });
      return true;
    } catch {
      // Gone again, or no watches left: the periodic look still sees every change, only later.
      return false;
    }
  }

  return {
    arm(directories) {
      for (const path of [...armed.keys()]) if (!directories.has(path)) disarm(path);
      let isNew = false;
      for (const [path, identity] of directories) isNew = arm(path, identity) || isNew;
      return isNew;
    },
    stop() {
      for (const path of [...armed.keys()]) disarm(path);
    },
  };
}
