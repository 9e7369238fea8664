/**
 * What one compilation leaves for the next, so that a change costs what changed. It is keyed by the identity of the
 * objects, which nobody changes in place: an object that is not the same object is read anew.
 */
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import type { NamedToken } from './budget.ts';
import type { TokenHashes } from './revision.ts';
import type { StateMemory, TokenState } from './token-state.ts';

export interface CompileMemory {
  readonly states: StateMemory;
  /** By the UID of the server. */
  readonly named: WeakMap<TokenState, Map<string, RememberedToken>>;
  readonly hashes: TokenHashes;
}

/** Of one server: `server` and `labels` (of the token's namespace) are those it was made with; empty: it is not for that server. */
export interface RememberedToken {
  readonly server: MCPServer;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly made: readonly NamedToken[];
}

export function createCompileMemory(): CompileMemory {
  return { states: new WeakMap(), named: new WeakMap(), hashes: new WeakMap() };
}
