/** The only place that mints a Permit; forwarding needs one. */
import { Denial } from '../../core/denial.ts';
import type { Message } from '../../core/mcp/message.ts';
import { evaluate } from '../../core/policy/evaluate.ts';
import type { Policy } from '../../core/policy/compile.ts';
import type { Principal } from '../../core/principal.ts';

let mint: (rule: string) => Permit;

/** Proof that `authorize` allowed one message. Nominal: a look-alike neither compiles nor passes `isPermit`. */
export class Permit {
  readonly #rule: string;

  private constructor(rule: string) {
    this.#rule = rule;
  }

  static {
    mint = (rule) => new Permit(rule);
  }

  static isPermit(candidate: unknown): candidate is Permit {
    return typeof candidate === 'object' && candidate !== null && #rule in candidate;
  }

  /** The rule that allowed the message. */
  get rule(): string {
    return this.#rule;
  }
}

/** Guaranteed: the policy allows this message for this principal. Liveness of the credential is not checked here. */
export function authorize(principal: Principal, message: Message, policy: Policy): Permit {
  const decision = evaluate(principal, message, policy);
  if (decision.allowed) return mint(decision.rule);
  throw new Denial(decision.code, decision.message, { rule: decision.rule, ...requestIdOf(message) });
}

function requestIdOf(message: Message): { rpcId?: string | number } {
  return message.kind === 'single' && message.entry.kind === 'request' ? { rpcId: message.entry.id } : {};
}
