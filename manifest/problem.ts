/** What is wrong with a file or an object. No value of a field is ever part of a problem: it may be a secret. */

/** Steps from an object to one of its fields. */
export type FieldPath = readonly (string | number)[];

/** A fault of one field, before it is known where in a file the field is. */
export interface FieldProblem {
  readonly path: FieldPath;
  readonly problem: string;
  /** The last step of the path is a key that may itself be a secret: it is not shown. */
  readonly hidesKey?: boolean;
}

export interface Problem {
  readonly file: string;
  readonly line: number;
  /** `<Kind>/<namespace>/<name>`, where that much could be read. */
  readonly object: string | undefined;
  /** For example `spec.access[0].tools`; empty for the object or file as a whole. */
  readonly field: string;
  readonly problem: string;
}

const PLAIN_STEP = /^[A-Za-z_$][\w$-]*$/;
const PRINTABLE_STEP = /^[\w./$ -]{1,64}$/;

/** What to show of a fault's path. */
export const shownPath = ({ path, hidesKey }: FieldProblem): string =>
  formatPath(hidesKey === true ? [...path.slice(0, -1), '…'] : path);

/** `spec.labels["a/b"]`; a key that is long or not plainly printable shows as `["…"]`. */
export function formatPath(path: FieldPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (PLAIN_STEP.test(step) && step.length <= 64) text += text === '' ? step : `.${step}`;
    else text += PRINTABLE_STEP.test(step) ? `["${step}"]` : '["…"]';
  }
  return text;
}

/** `<file>:<line> <Kind>/<namespace>/<name> <field>: <problem>`. */
export function formatProblem({ file, line, object, field, problem }: Problem): string {
  return `${[`${file}:${line}`, object, field].filter((part) => part !== undefined && part !== '').join(' ')}: ${problem}`;
}
