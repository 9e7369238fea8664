/** Verifies a gateway token against the generations of one server. */
import { timingSafeEqual } from 'node:crypto';
import { hashCredential, parseCredential } from '../../core/credential.ts';
import { Denial } from '../../core/denial.ts';
import type { ServedGeneration, ServedServer } from '../snapshot/snapshot.ts';
import type { Credential } from './credential.ts';

/** Stands in for the hash of an unknown generation, so that unknown and known ids cost the same. */
const UNKNOWN = Buffer.alloc(32);

/**
 * Guaranteed: the whole token hashes to a live generation of a token declared for this server, of the type that
 * travels this way, neither revoked nor expired at `nowMs`. What it may do is not decided here.
 */
export function verifyGatewayToken(credential: Credential, server: ServedServer, nowMs: number): ServedGeneration {
  const text = credential.reveal();
  const parsed = parseCredential(text);
  if (parsed === undefined) throw invalid();
  const known = server.generations.get(parsed.generation);
  const presented = Buffer.from(hashCredential(text), 'hex');
  const matches = timingSafeEqual(presented, known?.sha256 ?? UNKNOWN);
  if (known === undefined || !matches || known.principal.method !== credential.method) throw invalid();
  requireLive(known, nowMs);
  return known;
}

/** Revocation is judged before expiry, so that the record shows what the owner did. */
export function requireLive(known: ServedGeneration, nowMs: number): void {
  if (known.token.revoked) throw new Denial('ERR_CREDENTIAL_REVOKED', 'The credential is not valid.');
  if (nowMs >= known.generation.expiresAtMs) throw new Denial('ERR_CREDENTIAL_EXPIRED', 'The credential is not valid.');
}

function invalid(): Denial {
  return new Denial('ERR_CREDENTIAL_INVALID', 'The credential is not valid.');
}
