/** The bytes of a watch, as events: one JSON document per line. */
import { type JsonRecord, isRecord } from '../../core/mcp/record.ts';
import { failureOf } from './failure.ts';
import { KubeError } from './kube-error.ts';
import { type KubeObject, isName, requireObject } from './kube-object.ts';
import type { Resource } from './resources.ts';

/** A bookmark is no object: it says that everything up to its version has been sent. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** An object is at most 3 MB on its way in; the same one with its managedFields stays far below this. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Rejects on a line that is no event and on the API server's own ERROR event; a line cut off by the end is dropped. */
export async function* readWatch(body: AsyncIterable<unknown>, resource: Resource): AsyncGenerator<WatchEvent, void, undefined> {
  for await (const line of lines(body)) yield parseEvent(line, resource);
}

async function* lines(body: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  let parts: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of body) {
    let rest = requireBytes(chunk);
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      const line = Buffer.concat([...parts, rest.subarray(0, end)]).toString('utf8');
      rest = rest.subarray(end + 1);
      parts = [];
      heldBytes = 0;
      if (line.trim() !== '') yield line;
    }
    if (rest.length === 0) continue;
    parts.push(rest);
    heldBytes += rest.length;
    if (heldBytes > MAX_LINE_BYTES) throw malformed('an event that is too large');
  }
}

function requireBytes(chunk: unknown): Buffer {
  if (!Buffer.isBuffer(chunk)) throw new TypeError('the body does not consist of bytes');
  return chunk;
}

function parseEvent(line: string, resource: Resource): WatchEvent {
  const event = parseJson(line);
  const object = event['object'];
  switch (event['type']) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: event['type'], object: requireObject(object, resource) };
    case 'BOOKMARK':
      return { type: 'BOOKMARK', resourceVersion: bookmarkVersion(object) };
    case 'ERROR':
      throw failureOf(`watch ${resource.plural}`, object, { confidential: resource.confidential === true });
    default:
      throw malformed('an event of unknown type');
  }
}

function parseJson(line: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // The parser's own message quotes the line, which may hold a secret.
    throw malformed('a line that is no JSON');
  }
  if (!isRecord(value)) throw malformed('a line that is no event');
  return value;
}

function bookmarkVersion(object: unknown): string {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
  if (!isName(version)) throw malformed('a bookmark without a resourceVersion');
  return version;
}

function malformed(what: string): KubeError {
  return new KubeError('ResponseMalformed', `the API server sent ${what}`);
}
