/** Reads the CustomResourceDefinitions below crds/, the source of truth for our own kinds. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { isList, isRecord, own, ownString, type UnknownRecord } from './record.ts';
import { parseSchema, type Schema } from './schema.ts';

export interface Crd {
  readonly apiVersion: string;
  readonly kind: string;
  /** The OpenAPI schema as written. */
  readonly openAPIV3Schema: UnknownRecord;
  readonly schema: Schema;
}

export const CRD_FILES = {
  MCPServer: 'mcpgateway.dev_mcpservers.yaml',
  GatewayToken: 'mcpgateway.dev_gatewaytokens.yaml',
} as const;

/** Throws a TypeError where the text is not a CRD with exactly one version: the file is ours. */
export function parseCrd(text: string): Crd {
  const raw: unknown = parse(text);
  const spec = own(raw, 'spec');
  const versions = own(spec, 'versions');
  const version = isList(versions) && versions.length === 1 ? versions[0] : undefined;
  const openAPIV3Schema = own(own(version, 'schema'), 'openAPIV3Schema');
  const kind = ownString(own(spec, 'names'), 'kind');
  const group = ownString(spec, 'group');
  const name = ownString(version, 'name');
  if (!isRecord(openAPIV3Schema) || kind === undefined || group === undefined || name === undefined) {
    throw new TypeError('not a CustomResourceDefinition with one version');
  }
  return { apiVersion: `${group}/${name}`, kind, openAPIV3Schema, schema: parseSchema(openAPIV3Schema) };
}

export function readCrd(kind: keyof typeof CRD_FILES): Crd {
  return parseCrd(readFileSync(new URL(`../crds/${CRD_FILES[kind]}`, import.meta.url), 'utf8'));
}
