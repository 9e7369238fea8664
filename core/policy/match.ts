/** Which rules and grants concern a principal and a target. Every question here is asked by evaluate and explain. */
import type { BundlePrincipalMatch } from '../../api/bundle.ts';
import type { Target } from '../mcp/message.ts';
import { isName, isUri } from '../mcp/target.ts';
import type { Principal } from '../principal.ts';
import type { CompiledPatterns, Grant, PatternKind, Policy, Rule } from './compile.ts';
import { coversAny, meetsAny, UNKNOWN_TEXT } from './pattern.ts';
import { emptiedForms, pathForms, templateForms, uriForms } from './uri-forms.ts';

/** `Principal.from` of gateway tokens. */
const GATEWAY_TOKENS = 'gatewayTokens';

/** What a target is for the patterns: texts of one kind, all of which must be allowed and none denied. */
export interface Subject {
  readonly kind: PatternKind;
  readonly texts: readonly string[];
  /** Further texts, none of which may be denied. */
  readonly paths: readonly string[];
}

/** One subject per thing the target names; `undefined` when nothing that can be judged is named. */
export function subjectsOf(target: Target): readonly Subject[] | undefined {
  switch (target.kind) {
    case 'none':
    case 'task':
      return [];
    case 'tool':
      return namedSubject('tools', target.name);
    case 'prompt':
      return namedSubject('prompts', target.name);
    case 'resource':
      return resourceSubjects([target.uri]);
    case 'resources':
      return resourceSubjects(target.uris);
    case 'template':
      return templateSubject(target.uriTemplate);
  }
}

/** Allow rules never speak for gateway tokens, and a token's grants for nobody else. */
export function grantsOf(principal: Principal, policy: Policy): readonly Grant[] {
  if (principal.from === GATEWAY_TOKENS) return policy.grants.get(principal.credential.uid) ?? [];
  return policy.allow.filter((rule) => allowsPrincipal(rule, principal)).map((rule) => rule.grant);
}

export function denyRulesOf(principal: Principal, policy: Policy): readonly Rule[] {
  return policy.deny.filter((rule) => rule.principals.some((match) => matchesPrincipal(match, principal)));
}

export function grantAllows(grant: Grant, subject: Subject): boolean {
  return subject.texts.every((text) => covers(grant.allow, subject.kind, text) && survivesCaps(grant, subject.kind, text));
}

/** One reading that the rule forbids, or one expansion of a template, is enough. */
export function ruleDenies(rule: Rule, { kind, texts, paths }: Subject): boolean {
  const isDenied = (text: string): boolean => meetsAny(rule.patterns[kind], text);
  return texts.some(isDenied) || paths.some(isDenied);
}

/** Whether the grant could allow anything that no rule denies as a whole. */
export function grantIsLive(grant: Grant, deny: readonly Rule[]): boolean {
  const undenied = (kind: PatternKind): boolean =>
    grant.families[kind].some((family) => !deny.some((rule) => coversAny(rule.patterns[kind], family)));
  return undenied('tools') || undenied('prompts') || undenied('resources');
}

function namedSubject(kind: 'tools' | 'prompts', name: string): readonly Subject[] | undefined {
  return isName(name) ? [{ kind, texts: [name], paths: [] }] : undefined;
}

function resourceSubjects(uris: readonly string[]): readonly Subject[] | undefined {
  return uris.every(isUri) ? uris.map((uri) => resourceSubject(uriForms(uri))) : undefined;
}

function templateSubject(uriTemplate: string): readonly Subject[] | undefined {
  const texts = isUri(uriTemplate) ? templateForms(uriTemplate, UNKNOWN_TEXT) : undefined;
  if (texts === undefined) return undefined;
  const subject = resourceSubject(texts);
  return [{ ...subject, paths: [...subject.paths, ...pathForms(emptiedForms(texts, UNKNOWN_TEXT))] }];
}

function resourceSubject(texts: readonly string[]): Subject {
  return { kind: 'resources', texts, paths: pathForms(texts) };
}

function survivesCaps(grant: Grant, kind: PatternKind, text: string): boolean {
  return grant.caps === undefined || grant.caps.some((cap) => covers(cap, kind, text));
}

function covers(patterns: CompiledPatterns, kind: PatternKind, text: string): boolean {
  return coversAny(patterns[kind], text);
}

/** To allow, an entry must say whose principals it trusts: another issuer's "engineering" is nobody. */
function allowsPrincipal(rule: Rule, principal: Principal): boolean {
  return rule.principals.some((match) => match.from !== undefined && matchesPrincipal(match, principal));
}

function matchesPrincipal(match: BundlePrincipalMatch, principal: Principal): boolean {
  const { groups, roles } = principal.identity;
  return (
    (match.from === undefined || match.from.includes(principal.from)) &&
    (match.users === undefined || match.users.includes(principal.subject)) &&
    (match.groups === undefined || match.groups.some((group) => groups.includes(group))) &&
    (match.roles === undefined || match.roles.some((role) => roles.includes(role)))
  );
}
