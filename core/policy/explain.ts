/** Why a principal may or may not do something: the evaluator's own decision, with every rule that was considered. */
import type { Decision } from '../decision.ts';
import type { Era, Target } from '../mcp/message.ts';
import type { Principal } from '../principal.ts';
import type { Policy } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { denyRulesOf, grantAllows, grantIsLive, grantsOf, ruleDenies, subjectsOf } from './match.ts';

export interface Question {
  readonly era: Era;
  readonly method: string;
  readonly target: Target;
}

export interface ConsideredRule {
  readonly rule: string;
  readonly effect: 'Allow' | 'Deny';
  /**
   * Whether it concerns what the question names; of several targets, one of them. Where the method names none, whether
   * the grant alone would suffice.
   */
  readonly matched: boolean;
}

export interface Explanation {
  readonly decision: Decision;
  /** Deny rules first: they win. Only rules that bind this principal, in the order they were declared. */
  readonly considered: readonly ConsideredRule[];
}

/** The decision is that of `evaluate` for the same request. Names rules to whoever asks: for administrators only. */
export function explain(principal: Principal, question: Question, policy: Policy): Explanation {
  const { era, method, target } = question;
  const subjects = subjectsOf(target) ?? [];
  const deny = denyRulesOf(principal, policy);
  const denying = deny.map((rule) => ({
    rule: rule.rule,
    effect: 'Deny' as const,
    matched: subjects.some((subject) => ruleDenies(rule, subject)),
  }));
  const granting = grantsOf(principal, policy).map((grant) => ({
    rule: grant.rule,
    effect: 'Allow' as const,
    matched: subjects.length === 0 ? grantIsLive(grant, deny) : subjects.some((subject) => grantAllows(grant, subject)),
  }));
  const entry = { kind: 'request', id: 0, method, target } as const;
  return { decision: evaluate(principal, { kind: 'single', era, entry }, policy), considered: [...denying, ...granting] };
}
