/** A bundle in the form the evaluator asks: patterns compiled, rules sorted by what they can do. */
import type { Bundle, BundleGrant, BundlePatterns, BundlePrincipalMatch, BundleRule } from '../../api/bundle.ts';
import { asPartlyUnknown, compilePatterns, meetsAny, type PatternSet } from './pattern.ts';
import { uriForms } from './uri-forms.ts';

export type PatternKind = keyof BundlePatterns;
export type CompiledPatterns = Readonly<Record<PatternKind, PatternSet>>;

export interface Grant {
  readonly rule: string;
  readonly allow: CompiledPatterns;
  /** Absent: nothing cuts the grant. Empty: nothing is left of it. */
  readonly caps: readonly CompiledPatterns[] | undefined;
  /** The families of texts the grant could allow, per kind, as the evaluator compares them with deny rules. */
  readonly families: Readonly<Record<PatternKind, readonly string[]>>;
}

export interface Rule {
  readonly rule: string;
  readonly principals: readonly BundlePrincipalMatch[];
  readonly patterns: CompiledPatterns;
  /** An Allow rule read as a grant of whoever it matches. */
  readonly grant: Grant;
}

export interface Policy {
  /** By the UID of the GatewayToken. */
  readonly grants: ReadonlyMap<string, readonly Grant[]>;
  readonly allow: readonly Rule[];
  readonly deny: readonly Rule[];
}

/** Total for every bundle of the declared type. Does not copy: the bundle must not change afterwards. */
export function compilePolicy(bundle: Bundle): Policy {
  return {
    grants: new Map(bundle.tokens.map((token) => [token.uid, token.grants.map(compileGrant)])),
    allow: bundle.rules.filter((rule) => rule.effect === 'Allow').map(compileRule),
    deny: bundle.rules.filter((rule) => rule.effect === 'Deny').map(compileRule),
  };
}

function compileRule(rule: BundleRule): Rule {
  const grant = compileGrant({ rule: rule.rule, allow: rule.patterns });
  return { rule: rule.rule, principals: rule.principals, patterns: grant.allow, grant };
}

export function compileGrant(grant: BundleGrant): Grant {
  const allow = readAllForms(grant.allow);
  const caps = grant.caps?.map((cap) => compileKinds(readAllForms(cap)));
  const families = (kind: PatternKind): readonly string[] =>
    allow[kind].map(asPartlyUnknown).filter((family) => caps === undefined || caps.some((cap) => meetsAny(cap[kind], family)));
  return {
    rule: grant.rule,
    allow: compileKinds(allow),
    caps,
    families: { tools: families('tools'), prompts: families('prompts'), resources: families('resources') },
  };
}

/** A pattern is read in as many ways as a URI is (see uri-forms.ts), but `%2A` in it never becomes a star. */
function readAllForms(patterns: BundlePatterns): BundlePatterns {
  const formsOf = (pattern: string): readonly string[] => uriForms(pattern).filter((form) => starsIn(form) <= starsIn(pattern));
  return { ...patterns, resources: [...new Set(patterns.resources.flatMap(formsOf))] };
}

function starsIn(pattern: string): number {
  return pattern.split('*').length;
}

function compileKinds({ tools, prompts, resources }: BundlePatterns): CompiledPatterns {
  return { tools: compilePatterns(tools), prompts: compilePatterns(prompts), resources: compilePatterns(resources) };
}
