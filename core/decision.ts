/** The result of asking the policy about one message; every decision names the rule that made it. */
import type { DenialCode } from './denial.ts';

export type DenyCode = Extract<DenialCode, 'ERR_SERVER_NOT_GRANTED' | 'ERR_PERMISSION_DENIED' | 'ERR_METHOD_UNKNOWN'>;

export type Decision =
  | { readonly allowed: true; readonly rule: string }
  | { readonly allowed: false; readonly rule: string; readonly code: DenyCode; readonly message: string };

/** Rule names for decisions that no declared rule made. */
export const BUILT_IN_RULES = {
  /** Nothing matched: the default is deny. */
  noRule: 'default-deny',
  /** The principal has no grant on this server at all. */
  notGranted: 'no-grant-on-server',
  /** Methods that carry no target, for a principal with any grant on this server. */
  granted: 'granted-on-server',
  /** The method is not one the gateway knows for this protocol era. */
  unknownMethod: 'unknown-method',
} as const;
