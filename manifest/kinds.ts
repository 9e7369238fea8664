/** The kinds a manifest may contain, and how a parsed YAML document becomes a valid object of one, or a list of faults. */
import type { ValidateFunction } from 'ajv';
import type { GatewayToken, MCPServer } from '../api/v1alpha1/index.ts';
import { createCelCompiler } from './cel.ts';
import { decodeSecret, secretProblems } from './core-kinds.ts';
import type { ConfigMap, Secret, SecretManifest } from './core-kinds.ts';
import { embeddedCrd } from './embedded-crd.ts';
import { IGNORED_METADATA } from './metadata-schema.ts';
import type { FieldProblem } from './problem.ts';
import { isRecord, own, ownString, type UnknownRecord } from './record.ts';
import { createRuleChecker, type RuleChecker } from './schema-rules.ts';
import { isSizeOrType, schemaProblems } from './strict-schema.ts';
import { compileValidator } from './validator.ts';

export type ManifestObject = MCPServer | GatewayToken | Secret | ConfigMap;
export type ManifestKind = ManifestObject['kind'];

export const MANIFEST_KINDS = ['MCPServer', 'GatewayToken', 'Secret', 'ConfigMap'] as const satisfies readonly ManifestKind[];

export interface ObjectReference {
  readonly kind: ManifestKind;
  readonly namespace: string;
  readonly name: string;
}

export const DEFAULT_NAMESPACE = 'default';

export const objectKey = ({ kind, namespace, name }: ObjectReference): string => `${kind}/${namespace}/${name}`;

export type Judgement = { readonly object: ManifestObject } | { readonly problems: readonly FieldProblem[] };

/** Judges a document of a known kind, for transition rules also against the object's last state. Never throws. */
export type Judge = (raw: UnknownRecord, last: ManifestObject | undefined) => Judgement;

const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Which object a document is about, valid or not; undefined where that cannot be read or the kind is not one of ours. */
export function readReference(raw: unknown): ObjectReference | undefined {
  const kind = MANIFEST_KINDS.find((known) => known === ownString(raw, 'kind'));
  const metadata = own(raw, 'metadata');
  const name = ownString(metadata, 'name');
  const namespace = own(metadata, 'namespace') ?? DEFAULT_NAMESPACE;
  if (kind === undefined || name === undefined || typeof namespace !== 'string') return undefined;
  return NAME.test(name) && NAME.test(namespace) ? { kind, namespace, name } : undefined;
}

/** The document without what only a server writes. */
function withoutServerFields({ status: _status, ...raw }: UnknownRecord): UnknownRecord {
  const { metadata } = raw;
  if (!isRecord(metadata)) return raw;
  const ignored: ReadonlySet<string> = new Set(IGNORED_METADATA);
  return { ...raw, metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => !ignored.has(name))) };
}

function createOwnKindJudge(validate: ValidateFunction<MCPServer | GatewayToken>, checkRules: RuleChecker): Judge {
  return (raw, last) => {
    const value: unknown = withoutServerFields(raw);
    const isValid = validate(value);
    const errors = validate.errors ?? [];
    const rules = errors.some(isSizeOrType) ? [] : checkRules(value, last, { schemaIsValid: isValid });
    return isValid && rules.length === 0 ? { object: value } : { problems: [...schemaProblems(errors), ...rules] };
  };
}

function createSecretJudge(validate: ValidateFunction<SecretManifest>): Judge {
  return (raw) => {
    const value: unknown = withoutServerFields(raw);
    if (!validate(value)) return { problems: schemaProblems(validate.errors ?? [], true) };
    const problems = secretProblems(value);
    return problems.length === 0 ? { object: decodeSecret(value) } : { problems };
  };
}

function createConfigMapJudge(validate: ValidateFunction<ConfigMap>): Judge {
  return (raw) => {
    const value: unknown = withoutServerFields(raw);
    return validate(value) ? { object: value } : { problems: schemaProblems(validate.errors ?? []) };
  };
}

/** Compiles every schema and rule once. */
export function createJudges(): Readonly<Record<ManifestKind, Judge>> {
  const compileRule = createCelCompiler();
  const ownKind = (kind: 'MCPServer' | 'GatewayToken'): Judge =>
    createOwnKindJudge(compileValidator(kind), createRuleChecker(embeddedCrd(kind).schema, compileRule));
  return {
    MCPServer: ownKind('MCPServer'),
    GatewayToken: ownKind('GatewayToken'),
    Secret: createSecretJudge(compileValidator('Secret')),
    ConfigMap: createConfigMapJudge(compileValidator('ConfigMap')),
  };
}
