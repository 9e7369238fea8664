/** Writes validator.ts as the code it would compile, so that a production bundle neither compiles nor holds ajv. */
import standaloneCode from 'ajv/dist/standalone/index.js';
import { JUDGED, judgedSchema } from './judged-schemas.ts';
import { createAjv } from './schema-compiler.ts';

/** The module that takes the place of validator.ts; compiled from the same schemas with the same settings. */
export function standaloneValidators(): string {
  const ajv = createAjv({ source: true, esm: true });
  for (const name of JUDGED) ajv.addSchema(judgedSchema(name), name);
  const compiled = standaloneCode.default(ajv, Object.fromEntries(JUDGED.map((name) => [name, name])));
  return `${compiled}\nconst VALIDATORS = { ${JUDGED.join(', ')} };\nexport const compileValidator = (name) => VALIDATORS[name];\n`;
}
