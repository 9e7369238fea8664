/** Renders an OpenAPI or JSON schema as Markdown: one table row per field, then the rules of the fields that have any. Pure. */
import { isList, isRecord, own, ownString } from '../manifest/record.ts';

interface Field {
  /** As a person writes it: `spec.access[].effect`. */
  readonly path: string;
  readonly schema: unknown;
  readonly required: boolean;
}

/** Every field below `schema`, outermost first, in the order of the schema. The path of a list ends in `[]` for its elements. */
export function listFields(schema: unknown, path: string): readonly Field[] {
  const properties = own(schema, 'properties');
  const required = own(schema, 'required');
  return Object.entries(isRecord(properties) ? properties : {}).flatMap(([name, child]) => {
    const fieldPath = path === '' ? name : `${path}.${name}`;
    const items = own(child, 'items');
    const below = items === undefined ? listFields(child, fieldPath) : listFields(items, `${fieldPath}[]`);
    return [{ path: fieldPath, schema: child, required: isList(required) && required.includes(name) }, ...below];
  });
}

export function renderFields(fields: readonly Field[]): string {
  const rows = fields.map(({ path, schema, required }) => [code(path), typeOf(schema), defaultOf(schema, required), boundsOf(schema).join('; '), ownString(schema, 'description') ?? '']);
  return renderTable(['Field', 'Type', 'Default', 'Bounds', 'Description'], rows);
}

/** What must hold between fields, as the API says it when it does not. Empty where no field has a rule. */
export function renderRules(fields: readonly Field[]): string {
  return fields.flatMap(({ path, schema }) => [...messagesOf(schema), ...messagesOf(own(schema, 'items'))].map((message) => `- ${code(path)}: ${message}`)).join('\n');
}

function messagesOf(schema: unknown): readonly string[] {
  const rules = own(schema, 'x-kubernetes-validations');
  return isList(rules) ? rules.flatMap((rule) => ownString(rule, 'message') ?? []) : [];
}

export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

/** A bar would end the cell, also inside backticks; what looks like HTML outside them would vanish. */
function cell(text: string): string {
  const parts = text.replaceAll('|', '\\|').replaceAll('\n', ' ').split('`');
  return parts.map((part, index) => (index % 2 === 0 ? part.replaceAll('<', '&lt;') : part)).join('`');
}

export function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

function typeOf(schema: unknown): string {
  const values = own(schema, 'enum');
  if (isList(values)) return values.map((value) => code(String(value))).join(' or ');
  const items = own(schema, 'items');
  if (items !== undefined) return `list of ${typeOf(items)}`;
  const additional = own(schema, 'additionalProperties');
  if (isRecord(additional)) return `map of ${typeOf(additional)}`;
  return ownString(schema, 'type') ?? '';
}

function defaultOf(schema: unknown, required: boolean): string {
  if (required) return 'required';
  if (!isRecord(schema) || !Object.hasOwn(schema, 'default')) return '';
  return code(JSON.stringify(schema['default']));
}

function boundsOf(schema: unknown): readonly string[] {
  const bounds = [
    ...rangeOf(schema, ['minimum', 'maximum'], ''),
    // A closed list says more than the length of its longest word.
    ...(own(schema, 'enum') === undefined ? rangeOf(schema, ['minLength', 'maxLength'], ' characters') : []),
    ...rangeOf(schema, ['minItems', 'maxItems'], ' entries'),
    ...rangeOf(schema, ['minProperties', 'maxProperties'], ' entries'),
    ...distinctness(schema),
  ];
  const pattern = ownString(schema, 'pattern');
  if (pattern !== undefined) bounds.push(code(pattern));
  const items = own(schema, 'items');
  const inner = ownString(items, 'type') === 'object' || items === undefined ? [] : boundsOf(items);
  return inner.length === 0 ? bounds : [...bounds, `each ${inner.join(', ')}`];
}

function rangeOf(schema: unknown, [low, high]: readonly [string, string], unit: string): readonly string[] {
  const least = own(schema, low);
  const most = own(schema, high);
  if (typeof most === 'number') return [typeof least === 'number' && least !== most ? `${least} to ${most}${unit}` : `${least === most ? '' : 'at most '}${most}${unit}`];
  return typeof least === 'number' ? [`at least ${least}${unit}`] : [];
}

function distinctness(schema: unknown): readonly string[] {
  const keys = own(schema, 'x-kubernetes-list-map-keys');
  if (isList(keys)) return [`distinct by ${keys.map((key) => code(String(key))).join(', ')}`];
  return own(schema, 'x-kubernetes-list-type') === 'set' || own(schema, 'uniqueItems') === true ? ['distinct'] : [];
}
