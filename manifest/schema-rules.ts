/**
 * What kube-apiserver checks beyond OpenAPI: CEL rules, with transition rules against the object's last state, and the
 * uniqueness of sets and list maps.
 */
import type { CelRule } from './cel.ts';
import type { FieldPath, FieldProblem } from './problem.ts';
import { isList, isRecord, own } from './record.ts';
import type { Schema, SchemaRule } from './schema.ts';

interface CompiledRule extends SchemaRule {
  readonly cel: CelRule;
}

/** The parts of a schema that have rules, or have parts that do. */
interface RuleNode {
  readonly rules: readonly CompiledRule[];
  readonly listMapKeys: readonly string[];
  readonly isSet: boolean;
  readonly properties: readonly (readonly [string, RuleNode])[];
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
}

interface Visit {
  readonly path: FieldPath;
  readonly value: unknown;
  /** The value at the same place in the last state; undefined where there is none or none that corresponds. */
  readonly old: unknown;
}

export interface RuleOptions {
  /** Rules that cannot be evaluated are then not reported: the schema's problems already say what is wrong. */
  readonly schemaIsValid: boolean;
}

export type RuleChecker = (value: unknown, old: unknown, options: RuleOptions) => readonly FieldProblem[];

function compileNode(schema: Schema, compile: (rule: string) => CelRule): RuleNode {
  return {
    rules: schema.rules.map((rule) => ({ ...rule, cel: compile(rule.rule) })),
    listMapKeys: schema.listMapKeys,
    isSet: schema.isSet,
    properties: [...schema.properties].map(([name, child]) => [name, compileNode(child, compile)] as const),
    items: schema.items && compileNode(schema.items, compile),
    values: schema.values && compileNode(schema.values, compile),
  };
}

const fieldPathSteps = (fieldPath: string): readonly string[] => fieldPath.split('.').filter((step) => step !== '');

function ruleProblems(node: RuleNode, { path, value, old }: Visit, options: RuleOptions): FieldProblem[] {
  return node.rules.flatMap((rule) => {
    if (rule.cel.isTransition && old === undefined) return [];
    const result = rule.cel.evaluate(value, old);
    if (result === true || (result === 'error' && !options.schemaIsValid)) return [];
    return [{ path: [...path, ...fieldPathSteps(rule.fieldPath)], problem: rule.message }];
  });
}

/** Identity of a list element: its keys in a list map, itself in a set; undefined for other lists. */
function elementKey(node: RuleNode, element: unknown): string | undefined {
  if (node.isSet) return JSON.stringify(element);
  if (node.listMapKeys.length === 0) return undefined;
  return JSON.stringify(node.listMapKeys.map((name) => own(element, name)));
}

function duplicateProblems(node: RuleNode, list: readonly unknown[], path: FieldPath): FieldProblem[] {
  const seen = new Set<string>();
  return list.flatMap((element, index) => {
    const key = elementKey(node, element);
    if (key === undefined) return [];
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    const problem = node.isSet ? 'is in the list twice' : `another entry has the same ${node.listMapKeys.join(', ')}`;
    return [{ path: [...path, index], problem }];
  });
}

/** The children of a value, each with the older value it corresponds to; elements of plain lists correspond to none. */
function childVisits(node: RuleNode, { path, value, old }: Visit): (readonly [RuleNode, Visit])[] {
  if (isList(value)) {
    const { items } = node;
    if (items === undefined) return [];
    const olds = new Map(isList(old) && !node.isSet ? old.map((element) => [elementKey(node, element), element]) : []);
    olds.delete(undefined);
    return value.map((element, index) => {
      const visit = { path: [...path, index], value: element, old: olds.get(elementKey(node, element)) };
      return [items, visit] as const;
    });
  }
  const named = node.properties.filter(([name]) => own(value, name) !== undefined);
  const { values } = node;
  const mapped = values === undefined || !isRecord(value) ? [] : Object.keys(value).map((name) => [name, values] as const);
  return [...named, ...mapped].map(([name, child]) => {
    return [child, { path: [...path, name], value: own(value, name), old: own(old, name) }] as const;
  });
}

function visitNode(node: RuleNode, visit: Visit, options: RuleOptions): FieldProblem[] {
  return [
    ...ruleProblems(node, visit, options),
    ...(isList(visit.value) ? duplicateProblems(node, visit.value, visit.path) : []),
    ...childVisits(node, visit).flatMap(([child, childVisit]) => visitNode(child, childVisit, options)),
  ];
}

/** The checker assumes that sizes are within the schema's limits and never throws. */
export function createRuleChecker(schema: Schema, compile: (rule: string) => CelRule): RuleChecker {
  const node = compileNode(schema, compile);
  return (value, old, options) => visitNode(node, { path: [], value, old }, options);
}
