/**
 * The one evaluator: what may be listed, called, read, completed and subscribed to, and what `can-i` answers.
 * Default deny; a token is allowed by its own grants, others by Allow rules; Deny rules bind everyone and win.
 */
import { BUILT_IN_RULES, type Decision } from '../decision.ts';
import type { Entry, Era, ListKind, Message, Target } from '../mcp/message.ts';
import { findMethod } from '../mcp/method.ts';
import { isRecord, ownMember } from '../mcp/record.ts';
import { isName, isUri } from '../mcp/target.ts';
import type { Principal } from '../principal.ts';
import type { Policy } from './compile.ts';
import { denyRulesOf, grantAllows, grantIsLive, grantsOf, ruleDenies, type Subject, subjectsOf } from './match.ts';

/**
 * Guarantees a decision for every message of the declared type; never throws. A batch is allowed only if every member
 * is, and its denial is that of the first refused member. Does not look at the expiry or revocation of the credential.
 */
export function evaluate(principal: Principal, message: Message, policy: Policy): Decision {
  switch (message.kind) {
    case 'single':
      return evaluateEntry(principal, message.entry, message.era, policy);
    case 'batch':
      return evaluateBatch(principal, message.entries, policy);
    case 'stream':
    case 'terminate':
      return hasGrant(principal, policy);
  }
}

/**
 * Whether an entry of a list may be shown: exactly when its use would be allowed. Guarantees `false` for every shape
 * it does not know.
 */
export function isListed(principal: Principal, kind: ListKind, item: unknown, policy: Policy): boolean {
  const target = isRecord(item) ? LISTED_TARGETS[kind](item) : undefined;
  return target !== undefined && evaluateTarget(principal, target, policy).allowed;
}

/** Whether the principal may reach this server at all: for methods without a target, GET, DELETE and responses. */
export function hasGrant(principal: Principal, policy: Policy): Decision {
  const grants = grantsOf(principal, policy);
  const deny = denyRulesOf(principal, policy);
  return grants.some((grant) => grantIsLive(grant, deny)) ? { allowed: true, rule: BUILT_IN_RULES.granted } : NOT_GRANTED;
}

/** The decision about one target, whatever method names it. */
export function evaluateTarget(principal: Principal, target: Target, policy: Policy): Decision {
  const subjects = subjectsOf(target);
  if (subjects === undefined) return refused(principal, BUILT_IN_RULES.noRule, policy);
  let decision: Decision | undefined;
  for (const subject of subjects) {
    decision = evaluateSubject(principal, subject, policy);
    if (!decision.allowed) return decision;
  }
  return decision ?? hasGrant(principal, policy);
}

const NOT_GRANTED: Decision = {
  allowed: false,
  rule: BUILT_IN_RULES.notGranted,
  code: 'ERR_SERVER_NOT_GRANTED',
  message: 'This credential has no permission on this server',
};

const METHOD_UNKNOWN: Decision = {
  allowed: false,
  rule: BUILT_IN_RULES.unknownMethod,
  code: 'ERR_METHOD_UNKNOWN',
  message: 'This method is not available here',
};

const LISTED_TARGETS = {
  tools: (item) => namedTarget('tool', ownMember(item, 'name')),
  prompts: (item) => namedTarget('prompt', ownMember(item, 'name')),
  resources: (item) => {
    const uri = ownMember(item, 'uri');
    return isUri(uri) ? { kind: 'resource', uri } : undefined;
  },
  resourceTemplates: (item) => {
    const uriTemplate = ownMember(item, 'uriTemplate');
    return isUri(uriTemplate) ? { kind: 'template', uriTemplate } : undefined;
  },
} as const satisfies Record<ListKind, (item: Readonly<Record<string, unknown>>) => Target | undefined>;

function namedTarget(kind: 'tool' | 'prompt', name: unknown): Target | undefined {
  return isName(name) ? { kind, name } : undefined;
}

function evaluateBatch(principal: Principal, entries: readonly Entry[], policy: Policy): Decision {
  let decision = hasGrant(principal, policy);
  for (const entry of entries) {
    decision = evaluateEntry(principal, entry, 'legacy', policy);
    if (!decision.allowed) return decision;
  }
  return decision;
}

function evaluateEntry(principal: Principal, entry: Entry, era: Era, policy: Policy): Decision {
  if (entry.kind === 'response') return era === 'legacy' ? hasGrant(principal, policy) : unknownMethod(principal, policy);
  const row = findMethod(era, entry.kind, entry.method);
  if (row === undefined) return unknownMethod(principal, policy);
  // A method judged by another kind of target than its own would be judged by nothing.
  if (!row.acts.kinds.includes(entry.target.kind)) return refused(principal, BUILT_IN_RULES.noRule, policy);
  return evaluateTarget(principal, entry.target, policy);
}

function evaluateSubject(principal: Principal, subject: Subject, policy: Policy): Decision {
  const grant = grantsOf(principal, policy).find((candidate) => grantAllows(candidate, subject));
  if (grant === undefined) return refused(principal, BUILT_IN_RULES.noRule, policy);
  const denying = denyRulesOf(principal, policy).find((rule) => ruleDenies(rule, subject));
  return denying === undefined ? { allowed: true, rule: grant.rule } : refused(principal, denying.rule, policy);
}

/** Who has no permission here at all is told so, and nothing about what exists. */
function unknownMethod(principal: Principal, policy: Policy): Decision {
  return hasGrant(principal, policy).allowed ? METHOD_UNKNOWN : NOT_GRANTED;
}

/** One text for "does not exist", "not granted" and "denied by a rule". */
function refused(principal: Principal, rule: string, policy: Policy): Decision {
  if (!hasGrant(principal, policy).allowed) return NOT_GRANTED;
  return { allowed: false, rule, code: 'ERR_PERMISSION_DENIED', message: 'What the request names does not exist here or is not permitted to this credential' };
}
