/**
 * The ledger of standalone mode: what is known of each GatewayToken that its YAML does not say. It holds hashes of
 * tokens, never tokens; the secrets in it are the session keys. Written by `serve`, read by the command line.
 */
export const LEDGER_FORMAT = 1;

export type GenerationState = 'Pending' | 'Current' | 'Previous';

export interface LedgerGeneration {
  /** Public id, 8 base62 characters. */
  readonly id: string;
  /** SHA-256 of the whole token, lower-case hex. */
  readonly sha256: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly state: GenerationState;
}

export interface LedgerToken {
  readonly namespace: string;
  readonly name: string;
  /** Given at first sight; a token that is deleted and made again gets another. */
  readonly uid: string;
  readonly firstSeenMs: number;
  /** A revocation is one-way, also across a restart. */
  readonly revoked: boolean;
  /** The Secret name it owns; absent until it claimed one. */
  readonly secretName?: string;
  /** When the newest generation became current; absent: none ever did. */
  readonly mintedAtMs?: number;
  readonly observedRotateRequest?: string;
  /** `spec.source.sha256` of a token that was made elsewhere, once it has been in force here. */
  readonly declaredSha256?: string;
  readonly generations: readonly LedgerGeneration[];
}

/** A hash that was in force, of a token that is gone. */
export interface LedgerTombstone {
  readonly sha256: string;
  readonly namespace: string;
  /** It was revoked before it was deleted. */
  readonly revoked: boolean;
  readonly buriedAtMs: number;
}

export interface Ledger {
  readonly format: typeof LEDGER_FORMAT;
  readonly tokens: readonly LedgerToken[];
  /** By UID of the MCPServer: 32 bytes, base64url. */
  readonly sessionKeys: Readonly<Record<string, string>>;
  /** Oldest first; absent: there are none. */
  readonly tombstones?: readonly LedgerTombstone[];
}

export const EMPTY_LEDGER: Ledger = { format: LEDGER_FORMAT, tokens: [], sessionKeys: {} };

const SHA256 = /^[0-9a-f]{64}$/;
const GENERATION_ID = /^[0-9A-Za-z]{8}$/;

/** Throws a SyntaxError or TypeError that names the member at fault, never its value. */
export function parseLedger(text: string): Ledger {
  const ledger = members(JSON.parse(text), 'ledger');
  if (ledger['format'] !== LEDGER_FORMAT) throw new TypeError(`format: is not ${LEDGER_FORMAT}`);
  const tokens = list(ledger['tokens'], 'tokens').map((token, i) => parseToken(token, `tokens[${i}]`));
  const seen = new Set(tokens.flatMap((token) => [`${token.namespace}/${token.name}`, token.uid]));
  if (seen.size !== 2 * tokens.length) throw new TypeError('tokens: a name or uid is there twice');
  const sessionKeys: Record<string, string> = {};
  for (const [uid, key] of Object.entries(members(ledger['sessionKeys'], 'sessionKeys'))) {
    sessionKeys[uid] = string(key, 'sessionKeys');
  }
  const { tombstones } = ledger;
  const buried = tombstones === undefined ? {} : { tombstones: list(tombstones, 'tombstones').map((each, i) => parseTombstone(each, `tombstones[${i}]`)) };
  return { format: LEDGER_FORMAT, tokens, sessionKeys, ...buried };
}

function parseTombstone(value: unknown, at: string): LedgerTombstone {
  const tombstone = members(value, at);
  return {
    sha256: matching(tombstone['sha256'], SHA256, `${at}.sha256`),
    namespace: string(tombstone['namespace'], `${at}.namespace`),
    revoked: boolean(tombstone['revoked'], `${at}.revoked`),
    buriedAtMs: milliseconds(tombstone['buriedAtMs'], `${at}.buriedAtMs`),
  };
}

function parseToken(value: unknown, at: string): LedgerToken {
  const token = members(value, at);
  const { secretName, mintedAtMs, observedRotateRequest, declaredSha256 } = token;
  return {
    namespace: string(token['namespace'], `${at}.namespace`),
    name: string(token['name'], `${at}.name`),
    uid: string(token['uid'], `${at}.uid`),
    firstSeenMs: milliseconds(token['firstSeenMs'], `${at}.firstSeenMs`),
    revoked: boolean(token['revoked'], `${at}.revoked`),
    ...(secretName === undefined ? {} : { secretName: string(secretName, `${at}.secretName`) }),
    ...(mintedAtMs === undefined ? {} : { mintedAtMs: milliseconds(mintedAtMs, `${at}.mintedAtMs`) }),
    ...(observedRotateRequest === undefined
      ? {}
      : { observedRotateRequest: string(observedRotateRequest, `${at}.observedRotateRequest`) }),
    ...(declaredSha256 === undefined ? {} : { declaredSha256: matching(declaredSha256, SHA256, `${at}.declaredSha256`) }),
    generations: list(token['generations'], `${at}.generations`).map((generation, i) =>
      parseGeneration(generation, `${at}.generations[${i}]`),
    ),
  };
}

function parseGeneration(value: unknown, at: string): LedgerGeneration {
  const generation = members(value, at);
  const { state } = generation;
  if (state !== 'Pending' && state !== 'Current' && state !== 'Previous') throw new TypeError(`${at}.state: is unknown`);
  return {
    id: matching(generation['id'], GENERATION_ID, `${at}.id`),
    sha256: matching(generation['sha256'], SHA256, `${at}.sha256`),
    issuedAtMs: milliseconds(generation['issuedAtMs'], `${at}.issuedAtMs`),
    expiresAtMs: milliseconds(generation['expiresAtMs'], `${at}.expiresAtMs`),
    state,
  };
}

function members(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${at}: is not an object`);
  return Object.fromEntries(Object.entries(value));
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${at}: is not a list`);
  return value;
}

function string(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${at}: is not a non-empty string`);
  return value;
}

function boolean(value: unknown, at: string): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${at}: is not a boolean`);
  return value;
}

function matching(value: unknown, pattern: RegExp, at: string): string {
  const text = string(value, at);
  if (!pattern.test(text)) throw new TypeError(`${at}: is malformed`);
  return text;
}

function milliseconds(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new TypeError(`${at}: is not a time`);
  return value;
}
