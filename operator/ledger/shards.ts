/**
 * The ledger as Secrets of the operator's namespace: hashes and session keys, spread over a fixed number of them so that
 * none comes near the size limit of an object and two changes seldom meet. A token is in the shard of its name, so that
 * one made again under a name finds, and replaces, the entry of the former.
 */
import { hash } from 'node:crypto';
import { LEDGER_LABEL } from '../../api/annotations.ts';
import { parseLedger } from '../../api/ledger.ts';
import type { Ledger } from '../../api/ledger.ts';
import type { KubeObject } from '../kube/kube-object.ts';

export const SHARDS = 32;
const NAME_PREFIX = 'mcpgateway-ledger-';
const KEY = 'ledger.json';

export interface LedgerShard {
  readonly name: string;
  readonly resourceVersion: string;
  readonly ledger: Ledger;
}

/** The Secret that holds what is known of `key`: `<namespace>/<name>` of a token, or the UID of a server. */
export function shardOf(key: string): string {
  const number = Number.parseInt(hash('sha256', key, 'hex').slice(0, 8), 16) % SHARDS;
  return `${NAME_PREFIX}${String(number).padStart(2, '0')}`;
}

/** Throws a TypeError that names what is wrong with the Secret, never its content. */
export function readShard(secret: KubeObject): LedgerShard {
  const { name, resourceVersion } = secret.metadata;
  const { data } = secret;
  const encoded = typeof data === 'object' && data !== null && KEY in data ? data[KEY] : undefined;
  if (typeof encoded !== 'string') throw new TypeError(`data["${KEY}"]: is missing`);
  if (resourceVersion === undefined) throw new TypeError('metadata.resourceVersion: is missing');
  return { name, resourceVersion, ledger: parse(encoded) };
}

function parse(encoded: string): Ledger {
  const parsed = attempt(() => parseLedger(Buffer.from(encoded, 'base64').toString('utf8')));
  if (!(parsed instanceof Error)) return parsed;
  // The message of JSON.parse quotes the text, and the ledger holds session keys.
  throw new TypeError(`data["${KEY}"]: ${parsed instanceof TypeError ? parsed.message : 'is not JSON'}`);
}

function attempt(read: () => Ledger): Ledger | Error {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? error : new Error('unknown');
  }
}

/** With a resourceVersion the write fails unless the shard is as it was read. */
export function writtenShard(namespace: string, name: string, ledger: Ledger, resourceVersion?: string) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'mcpgateway.dev/ledger',
    metadata: { namespace, name, labels: { [LEDGER_LABEL]: 'shard' }, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    data: { [KEY]: Buffer.from(JSON.stringify(ledger), 'utf8').toString('base64') },
  };
}

