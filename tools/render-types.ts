/** Renders a schema as TypeScript interfaces: readonly, documented, fields with defaults required. Pure. */
import type { Schema } from '../manifest/schema.ts';

const WIDTH = 120;

export interface RenderInput {
  /** Name of the outermost interface. */
  readonly name: string;
  readonly schema: Schema;
  /** Source file, named in the header. */
  readonly source: string;
  /** For a Kubernetes kind: its apiVersion. */
  readonly apiVersion?: string;
}

function singular(word: string): string {
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return word.endsWith('s') && !word.endsWith('ss') && !word.endsWith('us') ? word.slice(0, -1) : word;
}

const pascal = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function comment(description: string, indent: string): string[] {
  if (description === '') return [];
  const text = description.replaceAll('*/', '*\\/');
  const oneLine = `${indent}/** ${text} */`;
  if (oneLine.length <= WIDTH) return [oneLine];
  const lines = wrap(text, WIDTH - indent.length - 3).map((line) => `${indent} * ${line}`);
  return [`${indent}/**`, ...lines, `${indent} */`];
}

const literal = (value: string | boolean): string => (typeof value === 'string' ? `'${value}'` : String(value));

const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name}'`);

const SCALARS = { string: 'string', integer: 'number', boolean: 'boolean' } as const;

/** Collects interfaces outermost first, in the order of the schema. */
function createRenderer() {
  const interfaces: string[][] = [];

  function typeOf(schema: Schema, name: string): string {
    if (schema.enum.length > 0) return schema.enum.map(literal).join(' | ');
    switch (schema.type) {
      case 'object':
        if (schema.values !== undefined) return `Readonly<Record<string, ${typeOf(schema.values, name)}>>`;
        renderInterface(schema, name, []);
        return name;
      case 'array': {
        if (schema.items === undefined) throw new TypeError(`${name}: an array needs items`);
        const element = typeOf(schema.items, singular(name));
        return `readonly ${element.includes('|') ? `(${element})` : element}[]`;
      }
      default:
        return SCALARS[schema.type];
    }
  }

  function renderInterface(schema: Schema, name: string, fixed: readonly string[]): void {
    const lines = [...comment(schema.description, ''), `export interface ${name} {`, ...fixed];
    interfaces.push(lines);
    for (const [property, child] of schema.properties) {
      if (fixed.some((line) => line.includes(` ${property}:`))) continue;
      const optional = schema.required.has(property) || child.hasDefault ? '' : '?';
      // `spec` adds nothing to a name: MCPServerUpstream, not MCPServerSpecUpstream.
      const childName = `${name.replace(/Spec$/, '')}${pascal(property)}`;
      const description = child.type === 'object' && child.values === undefined ? '' : child.description;
      lines.push(...comment(description, '  '), `  readonly ${key(property)}${optional}: ${typeOf(child, childName)};`);
    }
    lines.push('}');
  }

  return { renderInterface, interfaces };
}

/** The text of a whole generated file. */
export function renderTypes({ name, schema, source, apiVersion }: RenderInput): string {
  const { renderInterface, interfaces } = createRenderer();
  const fixed =
    apiVersion === undefined
      ? []
      : [`  readonly apiVersion: '${apiVersion}';`, `  readonly kind: '${name}';`, '  readonly metadata: ObjectMeta;'];
  renderInterface(schema, name, fixed);
  const header = [`/** Generated from ${source} by tools/generate-api.ts; do not edit. */`];
  if (apiVersion !== undefined) header.push("import type { ObjectMeta } from './object-meta.ts';");
  return `${[header, ...interfaces].map((lines) => lines.join('\n')).join('\n\n')}\n`;
}
