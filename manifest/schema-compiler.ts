/** ajv as this project sets it up: unknown fields refused, defaults filled in, every fault named, no value repeated. */
import { Ajv, type CodeOptions, type ValidateFunction } from 'ajv';
import type { UnknownRecord } from './record.ts';

export function createAjv(code: CodeOptions): Ajv {
  return new Ajv({
    allErrors: true,
    useDefaults: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    // No value of the document may reach a problem.
    verbose: false,
    // A test judges the schemas themselves.
    meta: false,
    validateSchema: false,
    code,
  });
}

/** ajv mutates what it judges (defaults), so each schema is compiled once and each value is the caller's own copy. */
export function createSchemaCompiler(): <T>(schema: UnknownRecord) => ValidateFunction<T> {
  // Unoptimised code is compiled in half the time and quick enough.
  const ajv = createAjv({ optimize: false });
  return <T>(schema: UnknownRecord) => ajv.compile<T>(schema);
}
