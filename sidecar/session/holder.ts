/**
 * Where a session lives: the pod in front of whose server it was begun, as a short text that travels inside the id of
 * the session. Whoever reads one has compared the MAC over it before: it says where to connect to.
 */
import { isIP } from 'node:net';

export interface Holder {
  /** As in the API server: a UUID in lower case. */
  readonly podUid: string;
  /** The first of the pod's addresses, without a zone. */
  readonly ip: string;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const UID_BYTES = 16;
const DASHES_AFTER = [8, 12, 16, 20];

export function isPodUid(text: string): boolean {
  return UUID.test(text);
}

export function isPodIp(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

/** At most 74 characters of base64url. Throws a TypeError for what is no UUID or no IP address. */
export function formatHolder({ podUid, ip }: Holder): string {
  if (!isPodUid(podUid) || !isPodIp(ip)) throw new TypeError('a holder has a UUID and an IP address');
  return Buffer.concat([Buffer.from(podUid.replaceAll('-', ''), 'hex'), Buffer.from(ip, 'latin1')]).toString('base64url');
}

/** `undefined` for every text that names no pod. */
export function parseHolder(text: string): Holder | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const uid = bytes.subarray(0, UID_BYTES).toString('hex');
  const ip = bytes.subarray(UID_BYTES).toString('latin1');
  const podUid = [0, ...DASHES_AFTER].map((start, index) => uid.slice(start, DASHES_AFTER[index])).join('-');
  return isPodUid(podUid) && isPodIp(ip) ? { podUid, ip } : undefined;
}
