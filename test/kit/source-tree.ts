/**
 * The source files of the product as the architecture test sees them: what each imports (types included, which a
 * bundler would drop), what it exports and what it does when it is merely imported. Read from swc's syntax tree.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseSync } from '@swc/core';

export const ROOT = join(import.meta.dirname, '..', '..');

/** The directories of house code, innermost first. */
export const LAYERS = ['api', 'core', 'runtime', 'manifest', 'pki', 'operator', 'sidecar', 'standalone', 'cli'] as const;
export type Layer = (typeof LAYERS)[number];

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly layer: string;
  readonly imports: readonly Import[];
  readonly defaultExport: boolean;
  /** `export … from` statements. */
  readonly reExports: number;
  /** Holds a function or a class: false where there are only types and tables of constants. */
  readonly hasBehaviour: boolean;
  /** What happens on import: calls, reassignable bindings, empty collections that can only grow. */
  readonly onImport: readonly string[];
}

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path of ours, `node:…`, or the name of a package. */
  readonly target: string;
  readonly typeOnly: boolean;
}

export function readSourceFiles(directories: readonly string[]): readonly SourceFile[] {
  return directories.flatMap((directory) => listTypeScript(directory).map((path) => describeSource(path, readFileSync(join(ROOT, path), 'utf8'))));
}

export function listTypeScript(directory: string): readonly string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .sort();
}

type Node = Readonly<Record<string, unknown>>;

export function describeSource(path: string, text: string): SourceFile {
  const statements = nodesOf(parseSync(text, { syntax: 'typescript', target: 'es2024' }).body);
  return {
    path,
    layer: path.split('/', 1)[0] ?? '',
    imports: statements.flatMap((statement) => [...importsIn(statement)]).map(({ specifier, typeOnly }) => ({ specifier, typeOnly, target: resolve(path, specifier) })),
    defaultExport: statements.some(isDefaultExport),
    reExports: statements.filter((statement) => isReExport(statement)).length,
    hasBehaviour: statements.some(behaves),
    onImport: statements.flatMap((statement) => onImport(statement)),
  };
}

function resolve(path: string, specifier: string): string {
  if (specifier.startsWith('.')) return normalize(join(dirname(path), specifier));
  if (specifier.startsWith('node:')) return specifier;
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function* importsIn(value: unknown): Generator<{ specifier: string; typeOnly: boolean }> {
  if (Array.isArray(value)) {
    for (const member of value) yield* importsIn(member);
  }
  if (!isNode(value)) return;
  const specifier = specifierOf(value);
  if (specifier !== undefined) yield { specifier, typeOnly: value['typeOnly'] === true || value['type'] === 'TsImportType' };
  for (const member of Object.values(value)) yield* importsIn(member);
}

/** The module named by an import, a re-export, `import()` or an import type; an `import()` of an expression has none. */
function specifierOf(node: Node): string | undefined {
  if (node['type'] === 'TsImportType') return stringOf(node['argument']);
  if (node['type'] === 'CallExpression' && isNode(node['callee']) && node['callee']['type'] === 'Import') {
    const [first] = nodesOf(node['arguments']);
    return stringOf(first?.['expression']) ?? '<computed>';
  }
  return MODULE_STATEMENTS.has(String(node['type'])) ? stringOf(node['source']) : undefined;
}

const MODULE_STATEMENTS = new Set(['ImportDeclaration', 'ExportAllDeclaration', 'ExportNamedDeclaration']);
const BEHAVIOUR = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression', 'ClassDeclaration', 'ClassExpression', 'MethodProperty']);

function isReExport(statement: Node): boolean {
  return statement['type'] !== 'ImportDeclaration' && MODULE_STATEMENTS.has(String(statement['type'])) && isNode(statement['source']);
}

function isDefaultExport(statement: Node): boolean {
  if (String(statement['type']).startsWith('ExportDefault')) return true;
  return nodesOf(statement['specifiers']).some((specifier) => isNode(specifier['exported']) && specifier['exported']['value'] === 'default');
}

function behaves(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(behaves);
  return isNode(value) && (BEHAVIOUR.has(String(value['type'])) || Object.values(value).some(behaves));
}

function onImport(statement: Node): readonly string[] {
  const declaration = statement['type'] === 'ExportDeclaration' && isNode(statement['declaration']) ? statement['declaration'] : statement;
  if (declaration['type'] === 'ImportDeclaration') return nodesOf(declaration['specifiers']).length === 0 ? [`import '${stringOf(declaration['source'])}'`] : [];
  if (declaration['type'] !== 'VariableDeclaration') return STATEMENTS_THAT_RUN.has(String(declaration['type'])) ? [String(declaration['type'])] : [];
  const names = nodesOf(declaration['declarations']);
  if (declaration['kind'] !== 'const') return names.map((name) => `${String(declaration['kind'])} ${nameOf(name)}`);
  return names.filter((name) => isNode(name['init']) && isGrowingCollection(name['init'])).map((name) => `empty collection ${nameOf(name)}`);
}

const STATEMENTS_THAT_RUN = new Set(['ExpressionStatement', 'IfStatement', 'ForStatement', 'ForOfStatement', 'ForInStatement', 'WhileStatement', 'TryStatement', 'SwitchStatement']);
const COLLECTIONS = new Set(['Map', 'Set', 'WeakMap', 'WeakSet']);

function isGrowingCollection(init: Node): boolean {
  const callee = init['callee'];
  return init['type'] === 'NewExpression' && isNode(callee) && COLLECTIONS.has(String(callee['value'])) && nodesOf(init['arguments']).length === 0;
}

function nameOf(declarator: Node): string {
  return isNode(declarator['id']) ? String(declarator['id']['value']) : '?';
}

function stringOf(value: unknown): string | undefined {
  return isNode(value) && value['type'] === 'StringLiteral' && typeof value['value'] === 'string' ? value['value'] : undefined;
}

function nodesOf(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
