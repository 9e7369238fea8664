/** What an exchange was about, from a closed list: the same word in the event of a record and in the label of a metric. */
import { METHODS } from '../../core/mcp/method.ts';
import type { Message } from '../../core/mcp/message.ts';

const NAMES: ReadonlySet<string> = new Set(METHODS.map(({ method }) => method));

/** A method of the protocol; `other` for a name that is none, because clients choose names freely. */
export function methodLabel(message: Message | undefined): string {
  if (message === undefined) return 'none';
  if (message.kind !== 'single') return message.kind;
  if (message.entry.kind === 'response') return 'response';
  return NAMES.has(message.entry.method) ? message.entry.method : 'other';
}
