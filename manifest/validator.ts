/**
 * Compiled schemas. A production bundle holds standalone-validators.ts's output in place of this module: compiling takes
 * a quarter of the time of a start, and ajv stays in memory. Both export the same.
 */
import type { ValidateFunction } from 'ajv';
import { judgedSchema } from './judged-schemas.ts';
import type { Judged } from './judged-schemas.ts';
import { createSchemaCompiler } from './schema-compiler.ts';

export function compileValidator<N extends keyof Judged>(name: N): ValidateFunction<Judged[N]> {
  return createSchemaCompiler()<Judged[N]>(judgedSchema(name));
}
