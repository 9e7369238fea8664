/** Certificate authorities and certificates for TLS tests: ECDSA P-256, made on the spot. */
// @peculiar/x509 resolves its parts through decorators' metadata.
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;

/** PEM texts, as node:tls takes them. */
export interface CertifiedKey {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** DNS names and IP addresses; `localhost` and 127.0.0.1 if absent. */
  readonly names?: readonly string[];
  readonly commonName?: string;
  readonly usage?: 'server' | 'client';
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface Authority {
  readonly cert: string;
  issue(request?: CertificateRequest): Promise<CertifiedKey>;
}

export async function createAuthority(commonName = 'Test CA'): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const own = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    keys,
    signingAlgorithm: SIGNATURE,
    serialNumber: newSerial(),
    ...validity({}),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });

  return {
    cert: own.toString('pem'),
    issue: async (request = {}) => {
      const names = request.names ?? ['localhost', '127.0.0.1'];
      const usage = request.usage === 'client' ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth;
      const alternatives = names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const);
      const subject = await crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
      const certificate = await X509CertificateGenerator.create({
        subject: `CN=${request.commonName ?? names[0] ?? 'nobody'}`,
        issuer: own.subject,
        publicKey: subject.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: SIGNATURE,
        serialNumber: newSerial(),
        ...validity(request),
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([usage]),
          new SubjectAlternativeNameExtension(alternatives),
          await AuthorityKeyIdentifierExtension.create(own.publicKey),
        ],
      });
      return { cert: certificate.toString('pem'), key: await privateKeyPem(subject.privateKey) };
    },
  };
}

/** Writes `tls.crt` and `tls.key`, the names of a Kubernetes TLS Secret, and says where they are. */
export async function writeCertifiedKey(directory: string, pair: CertifiedKey): Promise<CertifiedKey> {
  const cert = join(directory, 'tls.crt');
  const key = join(directory, 'tls.key');
  await writeFile(cert, pair.cert);
  await writeFile(key, pair.key, { mode: 0o600 });
  return { cert, key };
}

function validity(request: CertificateRequest): { readonly notBefore: Date; readonly notAfter: Date } {
  return {
    notBefore: request.notBefore ?? new Date(Date.now() - HOUR_MS),
    notAfter: request.notAfter ?? new Date(Date.now() + HOUR_MS),
  };
}

/** Positive: the first bit is clear (RFC 5280 §4.1.2.2). */
function newSerial(): string {
  return `01${randomBytes(15).toString('hex')}`;
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), PemConverter.PrivateKeyTag);
}
