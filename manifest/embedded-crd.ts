/**
 * The CustomResourceDefinitions as this process judges by them: what generate-api.ts made of crds/. Parsing the YAML
 * anew would be a fifth of the time and a quarter of the memory of a start.
 */
import { CRDS } from '../api/crds.gen.ts';
import type { Crd } from './crd.ts';
import { parseSchema } from './schema.ts';

/** Equal to what `readCrd` reads, but for descriptions, which are not in it. */
export function embeddedCrd(kind: keyof typeof CRDS): Crd {
  const { apiVersion, openAPIV3Schema } = CRDS[kind];
  return { apiVersion, kind, openAPIV3Schema, schema: parseSchema(openAPIV3Schema) };
}
