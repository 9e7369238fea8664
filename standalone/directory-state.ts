/** The state that a directory and the ledger make together: what to serve, and everything that is wrong. Pure. */
import type { Bundle } from '../api/bundle.ts';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { Ledger } from '../api/ledger.ts';
import type { ObjectProblem } from '../core/bundle/problem.ts';
import { compileBundles } from '../core/bundle/compile.ts';
import { compileInput, defaultPath } from '../core/compile-input.ts';
import type { ManifestState } from '../manifest/load.ts';
import { objectsOfKind } from '../manifest/load.ts';
import { formatProblem } from '../manifest/problem.ts';
import type { TextFile } from '../runtime/directory-reader.ts';
import type { SecretLookup } from '../sidecar/upstream-secrets.ts';
import { readSecrets } from '../sidecar/upstream-secrets.ts';

export interface DirectoryState {
  /** The last good one; `undefined` until there was one. */
  readonly config: GatewayConfig | undefined;
  readonly bundles: readonly Bundle[];
  /** Servers that are declared and not accepted: `<namespace>/<name>` and the path that must answer 503. */
  readonly refused: readonly { readonly label: string; readonly path: string }[];
  readonly secrets: SecretLookup;
  /** Each as `<file>:<line> <object> <field>: <problem>`. */
  readonly problems: readonly string[];
}

export interface DirectorySources {
  readonly files: readonly TextFile[];
  readonly manifest: ManifestState;
  readonly config: GatewayConfig | undefined;
  readonly ledger: Ledger;
  readonly isRecorded: (generation: string) => boolean;
  /** False while the directory is away: nothing is served, and nothing is forgotten. */
  readonly isPresent: boolean;
  /** Problems found on the way here. */
  readonly problems: readonly string[];
  readonly objectProblems: readonly ObjectProblem[];
}

export function deriveDirectoryState(sources: DirectorySources): DirectoryState {
  const { manifest, config, isPresent } = sources;
  const secrets = readSecrets(sources.files, secretObjectsOf(manifest));
  const servers = objectsOfKind(manifest, 'MCPServer');
  const serves = isPresent && config !== undefined;
  const tokens = objectsOfKind(manifest, 'GatewayToken');
  const { bundles, problems } = serves
    ? compileBundles(compileInput({ servers, tokens, config, ledger: sources.ledger, isRecorded: sources.isRecorded }))
    : { bundles: [], problems: [] };
  const served = new Set(bundles.map(({ server }) => `${server.namespace}/${server.name}`));
  const refused = servers.map((server) => ({ label: `${server.metadata.namespace}/${server.metadata.name}`, path: defaultPath(server) }));
  return {
    config,
    bundles,
    refused: refused.filter(({ label }) => !served.has(label)),
    secrets: secrets.lookup,
    problems: [
      ...sources.problems,
      ...manifest.problems.map(formatProblem),
      ...[...sources.objectProblems, ...problems, ...missingSecrets(bundles, secrets.lookup)].map((problem) => located(problem, manifest)),
      ...secrets.problems.map(({ at, problem }) => `${at}: ${problem}`),
    ],
  };
}

function missingSecrets(bundles: readonly Bundle[], lookup: SecretLookup): readonly ObjectProblem[] {
  return bundles.flatMap(({ server, upstream }) =>
    upstream.credentials.flatMap(({ secret }, index): ObjectProblem[] => {
      if (lookup(server.namespace, secret.name, secret.key) !== undefined) return [];
      const problem = `the key ${secret.key} of Secret ${server.namespace}/${secret.name} is missing or unusable: every request is refused`;
      const { namespace, name } = server;
      return [{ kind: 'MCPServer', namespace, name, field: `spec.upstream.credentials[${index}].secretRef`, problem, reason: 'Invalid' }];
    }),
  );
}

function located({ kind, namespace, name, field, problem }: ObjectProblem, manifest: ManifestState): string {
  const object = `${kind}/${namespace}/${name}`;
  const { file = '', line = 1 } = manifest.objects.get(object) ?? {};
  return formatProblem({ file, line, object, field, problem });
}

function secretObjectsOf(manifest: ManifestState): Parameters<typeof readSecrets>[1] {
  return objectsOfKind(manifest, 'Secret').map(({ metadata, data }) => ({
    namespace: metadata.namespace,
    name: metadata.name,
    // Bytes beyond ASCII show as such, and are refused.
    values: new Map(Object.entries(data).map(([key, bytes]) => [key, Buffer.from(bytes).toString('latin1')])),
  }));
}
