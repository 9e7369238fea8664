/** What a client sent, as the policy sees it. The bytes themselves are kept by whoever read them. */
import type { RpcId } from '../denial.ts';

/** `legacy`: revisions 2024-11-05 to 2025-11-25, with sessions. `modern`: 2026-07-28, stateless. */
export type Era = 'legacy' | 'modern';

/** What a method acts on. A list method has no target; its answer is filtered instead. */
export type Target =
  | { readonly kind: 'none' }
  | { readonly kind: 'tool'; readonly name: string }
  | { readonly kind: 'prompt'; readonly name: string }
  | { readonly kind: 'resource'; readonly uri: string }
  /** A URI template (RFC 6570): allowed only when every expansion is. */
  | { readonly kind: 'template'; readonly uriTemplate: string }
  /** Several resources at once (`subscriptions/listen`): allowed only when each is. */
  | { readonly kind: 'resources'; readonly uris: readonly string[] }
  | { readonly kind: 'task'; readonly taskId: string };

export type Entry =
  | { readonly kind: 'request'; readonly id: RpcId; readonly method: string; readonly target: Target }
  | { readonly kind: 'notification'; readonly method: string; readonly target: Target }
  /** A client's answer to a request of the server; legacy era only. */
  | { readonly kind: 'response'; readonly id: RpcId };

export type Message =
  /** POST with one JSON-RPC message. */
  | { readonly kind: 'single'; readonly era: Era; readonly entry: Entry }
  /** POST with an array of messages; revision 2025-03-26 only. Never empty. */
  | { readonly kind: 'batch'; readonly era: 'legacy'; readonly entries: readonly Entry[] }
  /** GET: the server's own event stream of a legacy session. */
  | { readonly kind: 'stream'; readonly era: 'legacy' }
  /** DELETE: the end of a legacy session. */
  | { readonly kind: 'terminate'; readonly era: 'legacy' };

/** The lists whose answers are filtered, and the member of the result that holds the entries. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

/** The header values that the protocol makes part of a message. `undefined` where the client sent none. */
export interface MessageHeaders {
  readonly protocolVersion: string | undefined;
  readonly mcpMethod: string | undefined;
  readonly mcpName: string | undefined;
}
