/**
 * The text form of the tokens this gateway mints: `mgt_<generation>_<secret>_<checksum>`, all base62.
 * The generation is public; the secret is 256 random bits; the checksum lets junk be refused without a look-up.
 */
import { hash } from 'node:crypto';

export const CREDENTIAL_PATTERN = /^mgt_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/;

const PREFIX = 'mgt_';
const GENERATION_LENGTH = 8;
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const SECRET_BYTES = 32;
const CREDENTIAL_LENGTH = PREFIX.length + GENERATION_LENGTH + 1 + SECRET_LENGTH + 1 + CHECKSUM_LENGTH;
const CHECKSUM_START = CREDENTIAL_LENGTH - CHECKSUM_LENGTH;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = 62n;

/** CRC-32 (IEEE 802.3, reflected). node:zlib has one too, but core stays free of it. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/**
 * Writes a credential. Guarantees that all 256 bits of `secret` are in the text, unbiased. Does not make randomness:
 * `generation` (8 bytes or more) and `secret` (exactly 32) come from a cryptographic source.
 */
export function formatCredential(random: { readonly generation: Uint8Array; readonly secret: Uint8Array }): {
  text: string;
  generation: string;
} {
  if (random.generation.length < GENERATION_LENGTH) throw new TypeError('generation needs 8 random bytes');
  if (random.secret.length !== SECRET_BYTES) throw new TypeError('secret needs exactly 32 random bytes');
  // 8 bytes over 62^8 values: the bias is below 2^-16 and the id is public.
  const generation = base62(toInteger(random.generation), GENERATION_LENGTH);
  const body = `${PREFIX}${generation}_${base62(toInteger(random.secret), SECRET_LENGTH)}`;
  return { text: `${body}_${base62(BigInt(crc32(body, body.length)), CHECKSUM_LENGTH)}`, generation };
}

/**
 * Reads the public part of a credential. Guarantees length, alphabet and checksum; never throws. Says nothing about
 * whether such a credential was ever issued.
 */
export function parseCredential(text: string): { generation: string } | undefined {
  if (text.length !== CREDENTIAL_LENGTH || !CREDENTIAL_PATTERN.test(text)) return undefined;
  if (decodeChecksum(text) !== crc32(text, CHECKSUM_START - 1)) return undefined;
  return { generation: text.slice(PREFIX.length, PREFIX.length + GENERATION_LENGTH) };
}

/** SHA-256 of the whole text, lower-case hex: what bundles hold. A fast hash suffices for 256 random bits. */
export function hashCredential(text: string): string {
  return hash('sha256', text, 'hex');
}

function toInteger(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** The lowest `length` base62 digits of `value`, most significant first. */
function base62(value: bigint, length: number): string {
  let digits = '';
  for (let rest = value; digits.length < length; rest /= BASE) digits = ALPHABET.charAt(Number(rest % BASE)) + digits;
  return digits;
}

function decodeChecksum(text: string): number {
  let value = 0;
  for (let index = CHECKSUM_START; index < CREDENTIAL_LENGTH; index += 1) {
    value = value * ALPHABET.length + digitOf(text.charCodeAt(index));
  }
  return value;
}

/** Value of a base62 digit; the caller has tested the alphabet. */
function digitOf(code: number): number {
  if (code <= 57) return code - 48;
  return code <= 90 ? code - 55 : code - 61;
}

/** Over the first `length` characters, which the caller knows to be ASCII. */
function crc32(text: string, length: number): number {
  let crc = 0xffffffff;
  for (let index = 0; index < length; index += 1) {
    crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ text.charCodeAt(index)) & 0xff] ?? 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
