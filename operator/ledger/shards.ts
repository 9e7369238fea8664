/**
 * The ledger as Secrets of the operator's namespace: hashes and session keys, spread over a fixed number of them so that
 * none comes near the size limit of an object and two changes seldom meet.
 */
import { hash } from 'node:crypto';
import { LEDGER_LABEL } from '../../api/annotations.ts';
import { parseLedger } from '../../api/ledger.ts';
import type { Ledger } from '../../api/ledger.ts';
import type { KubeObject } from '../kube/kube-object.ts';

const SHARDS = 32;
/**
 * A shard with more entries takes no new one. The largest possible entry (names of 63 and 253 characters, three
 * generations) has 1.3 KiB, and a Secret holds 1 MiB: what is in a shard can always be written.
 */
export const CROWDED_AT = 750;
const NAME_PREFIX = 'mcpgateway-ledger-';
const KEY = 'ledger.json';

export interface LedgerShard {
  readonly name: string;
  readonly resourceVersion: string;
  readonly ledger: Ledger;
}

export const SHARD_NAMES: readonly string[] = Array.from({ length: SHARDS }, (_, number) => `${NAME_PREFIX}${String(number).padStart(2, '0')}`);

/** Where what is new is put, by the UID of its object: its author cannot choose one, as he can a name. */
export function shardOf(uid: string): string {
  return SHARD_NAMES[Number.parseInt(hash('sha256', uid, 'hex').slice(0, 8), 16) % SHARDS] ?? '';
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

