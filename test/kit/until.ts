/** Asks again, one round trip after the other, until the answer is the wanted one; fails when the deadline passes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RawExchange, sendRaw } from './raw-http.ts';

const DEADLINE_MS = 8_000;

export async function untilStatus(port: number, bytes: string | Uint8Array, status: number): Promise<RawExchange> {
  const endMs = performance.now() + DEADLINE_MS;
  for (;;) {
    // A call that is under way when the change comes is cut, and may end without an answer.
    const answer = await sendRaw(port, bytes).catch(() => undefined);
    if (answer?.status === status) return answer;
    if (performance.now() > endMs) throw new Error(`still ${String(answer?.status)} instead of ${String(status)}: ${answer?.text ?? ''}`);
  }
}

/** The token that the gateway over `directory` minted, once its file is there and holds another than `former`. */
export async function untilMinted(directory: string, secretName: string, former = ''): Promise<string> {
  const endMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const text = await readFile(join(directory, '.mcpgateway/tokens/default', secretName), 'utf8').catch(() => former);
    if (text.trimEnd() !== former) return text.trimEnd();
    if (performance.now() > endMs) throw new Error(`${secretName} was not minted in time`);
  }
}
