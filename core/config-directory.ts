/** The layout of a configuration directory: which files count, and how large each may be. */

export const GATEWAY_CONFIG_FILE = 'gateway-config.json';

/** Mounted Secrets: `secrets/<namespace>/<name>/<key>`. */
export const MOUNTED_SECRETS = 'secrets';

export const MAX_MANIFEST_BYTES = 1_048_576;
export const MAX_SECRET_BYTES = 65_536;
export const MAX_FILES = 4096;

const MANIFEST = /\.ya?ml$/;
/** Written by editors and by whoever replaces a file by renaming; also `..data` of a Kubernetes mount, whose files are linked. */
const UNFINISHED = /^[.#]|~$|\.(?:tmp|swp|swx|bak|orig)$/;

/** Whether a name may belong to the configuration; a change of any other is no news. */
export function isConfigName(name: string): boolean {
  return !UNFINISHED.test(name);
}

/** Most bytes that the file may have, by its path relative to the directory; `undefined`: not part of the configuration. */
export function sizeLimitOf(path: string): number | undefined {
  const segments = path.split('/');
  if (!segments.every(isConfigName)) return undefined;
  if (segments[0] === MOUNTED_SECRETS) return segments.length === 4 ? MAX_SECRET_BYTES : undefined;
  return path === GATEWAY_CONFIG_FILE || MANIFEST.test(path) ? MAX_MANIFEST_BYTES : undefined;
}

/** Whether a symbolic link to a directory is followed: in mounts of Secrets only, where the depth is fixed. */
export function followsLinks(path: string): boolean {
  return path === MOUNTED_SECRETS || path.startsWith(`${MOUNTED_SECRETS}/`);
}

/** Whether the files of a directory can be part of the configuration. */
export function isConfigDirectory(path: string): boolean {
  const segments = path.split('/');
  return segments.every(isConfigName) && segments.length <= (segments[0] === MOUNTED_SECRETS ? 3 : 8);
}
