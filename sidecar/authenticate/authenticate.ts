/** From the headers of a request to a verified principal; no body is read. One row per kind of credential. */
import { Denial } from '../../core/denial.ts';
import type { RequestHead } from '../request-head.ts';
import type { ServedGeneration, ServedServer } from '../snapshot/snapshot.ts';
import { Credential } from './credential.ts';
import { verifyGatewayToken } from './gateway-token.ts';

type Reader = (head: RequestHead, server: ServedServer) => Credential | undefined;

/** RFC 6750 §2.1: scheme in any case, one space, then the token; its form is checked when it is verified. */
const BEARER = /^bearer ([^\s]{1,128})$/i;

const readBearerToken: Reader = (head, server) => {
  if (head.authorization === undefined) return undefined;
  const token = BEARER.exec(head.authorization)?.[1];
  if (token === undefined || !server.bundle.authentication.bearer) {
    throw new Denial('ERR_CREDENTIAL_INVALID', 'The credential is not valid.');
  }
  return new Credential('bearer', token);
};

const readApiKey: Reader = (head, server) => {
  const header = server.bundle.authentication.apiKeyHeader;
  const key = header === undefined ? undefined : head.get(header);
  return key === undefined ? undefined : new Credential('api-key', key);
};

const READERS: readonly Reader[] = [readBearerToken, readApiKey];

/**
 * Guaranteed: exactly one credential was presented and it is live on this server at `nowMs`. Two credentials in one
 * request are refused, because nobody could say later which of them was judged.
 */
export function authenticate(head: RequestHead, server: ServedServer, nowMs: number): ServedGeneration {
  let presented: Credential | undefined;
  for (const read of READERS) {
    const credential = read(head, server);
    if (credential === undefined) continue;
    if (presented !== undefined) {
      throw new Denial('ERR_CREDENTIAL_AMBIGUOUS', 'Send one credential, not several.');
    }
    presented = credential;
  }
  if (presented === undefined) throw new Denial('ERR_CREDENTIAL_MISSING', 'A credential is required.');
  return verifyGatewayToken(presented, server, nowMs);
}
