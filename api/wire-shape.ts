/**
 * Shapes of what is received: what each member must be, checked in place and named by its path when it is not so. A member
 * that is not known is refused, and so is whatever is larger than its bound.
 */

/** What is wrong with something received: the path of the member and its fault, never its value. */
export class WireError extends TypeError {}

/** Throws a WireError unless the value has the shape. Members are checked in place: nothing is copied. */
export type Shape = (value: unknown) => void;
export interface Optional {
  readonly optional: Shape;
}

/** One that was written for `T`. */
export type ShapeOf<T> = (value: unknown) => asserts value is T;

export function requireShape<T>(shape: ShapeOf<T>, value: unknown): asserts value is T {
  shape(value);
}

export function optional(shape: Shape): Optional {
  return { optional: shape };
}

type Members<T> = { readonly [K in keyof Required<T>]: Partial<Pick<T, K>> extends Pick<T, K> ? Optional : Shape };

/** The type of `members` sees to it that none is without a check, and that those that may be absent are `optional`. */
export function objectOf<T>(members: Members<T>): ShapeOf<T> {
  const shapes = new Map<string, Shape | Optional>(Object.entries<Shape | Optional>(members));
  const required = [...shapes].flatMap(([name, shape]) => (typeof shape === 'function' ? [name] : []));
  return function hasMembers(value): asserts value is T {
    const entries = entriesOf(value);
    for (const [name, member] of entries) {
      const shape = shapes.get(name);
      if (shape === undefined) throw new WireError('has an unknown member');
      within(name, typeof shape === 'function' ? shape : shape.optional, member);
    }
    const names = new Set(entries.map(([name]) => name));
    for (const name of required) if (!names.has(name)) throw new WireError(`${name}: is missing`);
  };
}

/** With `key`, no two elements have the same value of that member. */
export function arrayOf(shape: Shape, max: number, key?: string): Shape {
  return (value) => {
    if (!Array.isArray(value)) throw new WireError('is not a list');
    if (value.length > max) throw new WireError(`has more than ${max} elements`);
    const keys = new Set<unknown>();
    value.forEach((element: unknown, index) => {
      within(`[${index}]`, shape, element);
      keys.add(key === undefined ? index : new Map(entriesOf(element)).get(key));
    });
    if (keys.size !== value.length) throw new WireError(`has a ${key} twice`);
  };
}

/** Of a kind, a namespace and a name, with room to spare. */
const LONGEST_KEY = 640;

/** An object whose keys are names and not members. */
export function mapOf(shape: Shape, max: number): Shape {
  return (value) => {
    const entries = entriesOf(value);
    if (entries.length > max) throw new WireError(`has more than ${max} members`);
    for (const [key, member] of entries) {
      // Assigned to an object it would be no member but its prototype.
      if (key === '__proto__' || key.length > LONGEST_KEY) throw new WireError('has a malformed key');
      within('*', shape, member);
    }
  };
}

export function oneOf(...values: readonly (string | number | boolean)[]): Shape {
  return (value) => {
    if (!values.some((one) => one === value)) throw new WireError('is not one of the known values');
  };
}

export function text(maxLength: number): Shape {
  return (value) => {
    if (typeof value !== 'string' || value.length > maxLength) throw new WireError(`is not a text of at most ${maxLength} characters`);
  };
}

export function matching(pattern: RegExp): Shape {
  return (value) => {
    if (typeof value !== 'string' || !pattern.test(value)) throw new WireError('is malformed');
  };
}

export function integer(value: unknown): void {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw new WireError('is not a whole number from 0');
}

export function anyBoolean(value: unknown): void {
  if (typeof value !== 'boolean') throw new WireError('is not a boolean');
}

function entriesOf(value: unknown): readonly [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WireError('is not an object');
  return Object.entries(value);
}

function within(name: string, shape: Shape, value: unknown): void {
  try {
    shape(value);
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    // A message with a path in it gets a longer path.
    throw new WireError(`${name}${cause.message.includes(': ') ? '.' : ': '}${cause.message}`);
  }
}

/** Throws a WireError; the parser's own message would quote what it read. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new WireError('is not JSON');
  }
}
