/** The upstream's credentials as the kubelet mounts them into the sidecar, read again as they change. */
import { MAX_FILES, MAX_SECRET_BYTES, MOUNTED_SECRETS } from '../core/config-directory.ts';
import type { Clock } from '../runtime/clock.ts';
import { createDirectoryReader } from '../runtime/directory-reader.ts';
import type { Logger } from '../runtime/log.ts';
import { readSecrets } from './upstream-secrets.ts';
import type { SecretLookup } from './upstream-secrets.ts';

export interface MountedSecrets {
  lookup: SecretLookup;
  /** Reads once, then again and again until stopped. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface MountedSecretsDeps {
  /** Holds `credentials/<Secret>/<key>`; it may be absent. */
  readonly directory: string;
  /** The Secrets' namespace: the pod's own. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Some value is another one now. */
  readonly onChange: () => void;
}

/** The kubelet itself takes longer to bring a change. */
const PERIOD_MS = 1_000;
const CREDENTIALS = 'credentials';

export function createMountedSecrets({ directory, namespace, clock, log, onChange }: MountedSecretsDeps): MountedSecrets {
  const layout = {
    sizeLimitOf: (path: string) => (path.startsWith(`${CREDENTIALS}/`) && path.split('/').length === 3 && !path.includes('/..') ? MAX_SECRET_BYTES : undefined),
    isEntered: (path: string) => path === CREDENTIALS || (path.startsWith(`${CREDENTIALS}/`) && path.split('/').length === 2),
    // A mount swaps all its files at once behind one link.
    followsLinks: () => true,
    maxFiles: MAX_FILES,
  };
  const reader = createDirectoryReader({ directory, layout, clock });
  let current = readSecrets([], []);
  let revision: number | undefined;
  let reading: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function read(): Promise<void> {
    const listing = await reader.read();
    if (listing.revision === revision) return;
    revision = listing.revision;
    const files = listing.files.map(({ path, text }) => ({ path: `${MOUNTED_SECRETS}/${namespace}/${path.slice(CREDENTIALS.length + 1)}`, text }));
    current = readSecrets(files, []);
    for (const { at, problem } of current.problems) log.error('upstream credential unusable', { at, problem });
    onChange();
  }

  return {
    lookup: (ofNamespace, name, key) => current.lookup(ofNamespace, name, key),
    async start() {
      await read();
      timer = setInterval(() => {
        reading ??= read().catch((error: unknown) => log.error('upstream credentials not read', { error })).finally(() => (reading = undefined));
      }, PERIOD_MS);
    },
    async stop() {
      clearInterval(timer);
      await reading;
    },
  };
}
