/** Changes one field of one object in the file that defines it, as its author wrote the rest. */
import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import { ConfigError } from '../core/config-error.ts';
import { setIn } from '../manifest/edit.ts';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import type { Configuration } from './configuration.ts';
import { loadConfiguration, requireToken } from './configuration.ts';
import { withFileLock } from './file-lock.ts';

interface FieldChange {
  readonly path: readonly string[];
  readonly value: string | boolean;
}

/**
 * Writes nothing unless the directory with the change is as good as it was, and says what the field must say. What other
 * commands wrote to the file since `configuration` was read stays.
 */
export async function setTokenField(
  { directory, stateDirectory, manifest }: Configuration,
  { metadata: { namespace, name } }: GatewayToken,
  path: readonly string[],
  value: string | boolean,
): Promise<string> {
  const file = manifest.objects.get(`GatewayToken/${namespace}/${name}`)?.file ?? '';
  return withFileLock(await realpath(join(directory, file)), async () => {
    const now = await loadConfiguration({ config: directory, state: stateDirectory });
    return changeField(now, requireToken(now, namespace, name), { path, value });
  });
}

async function changeField(configuration: Configuration, token: GatewayToken, { path, value }: FieldChange): Promise<string> {
  const { namespace, name } = token.metadata;
  const key = `GatewayToken/${namespace}/${name}`;
  const file = configuration.manifest.objects.get(key)?.file ?? '';
  const before = configuration.files.find((each) => each.path === file)?.text ?? '';
  const text = setIn(before, { kind: 'GatewayToken', namespace, name }, path, value);
  const files = configuration.files.map((each) => (each.path === file && text !== undefined ? { ...each, text } : each));
  const after = configuration.loader.load(files, configuration.manifest);
  const added = after.problems.filter(({ object }) => object === key).length > configuration.manifest.problems.filter(({ object }) => object === key).length;
  if (text === undefined || added) {
    throw new ConfigError([`${file}: ${key} ${path.join('.')}: cannot be set by this command; edit the file`]);
  }
  // Through links, so that a link stays one.
  const target = await realpath(join(configuration.directory, file));
  await writeFileAtomic(target, text, { mode: (await stat(target)).mode & 0o777, replace: true });
  return file;
}
