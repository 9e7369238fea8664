/**
 * Certificate authorities of the gateway's own, ECDSA P-256. The one door of @peculiar/x509, which only writes
 * certificates here: what is read comes from our own Secrets, and Node's own X509Certificate reads it.
 */
// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 finds its parts through decorators' metadata.
import 'reflect-metadata';
import { KeyObject, X509Certificate as NodeCertificate, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
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
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** The private key is PKCS#8. Times are those in the certificate: whole seconds, as milliseconds since the epoch. */
export interface Authority {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface AuthorityRequest {
  /** 1 to 64 letters, digits, spaces, dots and hyphens. */
  readonly commonName: string;
  readonly nowMs: number;
  readonly lifetimeMs: number;
}

export interface ServingRequest {
  /** ECDSA P-256: SPKI as PEM, or a key of WebCrypto. */
  readonly publicKey: string | CryptoKey;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly nowMs: number;
  readonly lifetimeMs: number;
}

export interface ServingCertificate {
  readonly certificatePem: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
}

export interface ServingPair extends ServingCertificate {
  readonly privateKeyPem: string;
}

/** The public key is none, or of a kind that is not signed here. Says nothing of its content. */
export class UnusablePublicKey extends Error {}

/** Certificates begin this much before they are made, for verifiers whose clock is behind. */
export const BACKDATE_MS = 5 * 60_000;

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** The library reads quotes, commas and `#` in names as syntax. */
const COMMON_NAME = /^[A-Za-z0-9][A-Za-z0-9 .-]{0,63}$/;

interface Purpose {
  /** Names nobody: whom a certificate is for stands in its alternative names alone. */
  readonly subject: string;
  readonly uses: readonly ExtendedKeyUsage[];
}

const SERVING: Purpose = { subject: 'mcpgateway serving', uses: [ExtendedKeyUsage.serverAuth] };
const PEER: Purpose = { subject: 'mcpgateway peer', uses: [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth] };

/** A new self-signed authority that may sign end-entity certificates, but no further authority. */
export async function createAuthority({ commonName, nowMs, lifetimeMs }: AuthorityRequest): Promise<Authority> {
  if (!COMMON_NAME.test(commonName)) throw new TypeError('a common name has 1 to 64 letters, digits, spaces, dots and hyphens');
  const keys = await crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const notBeforeMs = wholeSeconds(nowMs - BACKDATE_MS);
  const notAfterMs = wholeSeconds(nowMs + lifetimeMs);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: SIGNATURE,
    serialNumber: newSerial(),
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: asPem(certificate), privateKeyPem: await privatePem(keys.privateKey), notBeforeMs, notAfterMs };
}

/**
 * An authority as it was stored. Guaranteed: it is one certificate, an authority's, and the key is its key; else it
 * throws a TypeError. Whether it is within its dates is for rotation.ts to say.
 */
export function readAuthority({ certificatePem, privateKeyPem }: Pick<Authority, 'certificatePem' | 'privateKeyPem'>): Authority {
  const certificate = parseStored(() => new NodeCertificate(certificatePem));
  const key = parseStored(() => createPrivateKey(privateKeyPem));
  if (!certificate.ca || !isP256(key)) throw new TypeError('the stored authority is not an ECDSA P-256 authority');
  if (!certificate.checkPrivateKey(key)) throw new TypeError('the stored key is not that of the stored authority');
  return { certificatePem, privateKeyPem, notBeforeMs: Date.parse(certificate.validFrom), notAfterMs: Date.parse(certificate.validTo) };
}

/**
 * A certificate for a TLS server. Guaranteed: its names are exactly those given here, its only use is serving, it is no
 * authority, its serial number is random, and it ends no later than the authority does. Not judged: who asks, and
 * whether the names are theirs.
 */
export function issueServingCertificate(authority: Authority, request: ServingRequest): Promise<ServingCertificate> {
  return issue(authority, request, SERVING);
}

/** As issueServingCertificate, for one of several that accept and call each other: it is for both ends of a connection. */
export function issuePeerCertificate(authority: Authority, request: ServingRequest): Promise<ServingCertificate> {
  return issue(authority, request, PEER);
}

async function issue(authority: Authority, request: ServingRequest, { subject, uses }: Purpose): Promise<ServingCertificate> {
  const names = alternativeNames(request);
  const subjectKey = spkiOf(request.publicKey);
  const own = new X509Certificate(authority.certificatePem);
  const notBeforeMs = Math.max(wholeSeconds(request.nowMs - BACKDATE_MS), authority.notBeforeMs);
  const notAfterMs = Math.min(wholeSeconds(request.nowMs + request.lifetimeMs), authority.notAfterMs);
  if (notAfterMs <= Math.max(notBeforeMs, request.nowMs)) throw new TypeError('the certificate would have ended already');
  const serialNumber = newSerial();
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [subject] }],
    issuer: own.subjectName,
    publicKey: subjectKey,
    signingKey: await signingKey(authority),
    signingAlgorithm: SIGNATURE,
    serialNumber,
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([...uses]),
      new SubjectAlternativeNameExtension(names),
      await AuthorityKeyIdentifierExtension.create(own.publicKey),
    ],
  });
  return { certificatePem: asPem(certificate), notBeforeMs, notAfterMs, serialNumber };
}

/** As issueServingCertificate, for a key that is made here. */
export async function issueServingPair(authority: Authority, request: Omit<ServingRequest, 'publicKey'>): Promise<ServingPair> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const certificate = await issueServingCertificate(authority, { ...request, publicKey });
  return { ...certificate, privateKeyPem: await privatePem(privateKey) };
}

const DNS_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

function alternativeNames({ dnsNames, ipAddresses }: ServingRequest): { type: 'dns' | 'ip'; value: string }[] {
  if (dnsNames.length + ipAddresses.length === 0) throw new TypeError('a serving certificate needs at least one name');
  // No wildcards: one certificate is for one server.
  const wrongName = dnsNames.find((name) => !DNS_NAME.test(name) || isIP(name) !== 0);
  if (wrongName !== undefined) throw new TypeError(`${JSON.stringify(wrongName)} is not a lower-case DNS name`);
  const wrongAddress = ipAddresses.find((address) => isIP(address) === 0 || address.includes('%'));
  if (wrongAddress !== undefined) throw new TypeError(`${JSON.stringify(wrongAddress)} is not an IP address`);
  return [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ];
}

function signingKey({ privateKeyPem }: Authority): Promise<CryptoKey> {
  const der = createPrivateKey(privateKeyPem).export({ type: 'pkcs8', format: 'der' });
  return crypto.subtle.importKey('pkcs8', Uint8Array.from(der), KEY, false, ['sign']);
}

/** Read and written anew by OpenSSL, which also checks that the point is on the curve. */
function spkiOf(publicKey: string | CryptoKey): Uint8Array<ArrayBuffer> {
  const key = typeof publicKey === 'string' ? parsePublicKey(publicKey) : KeyObject.from(publicKey);
  if (key.type !== 'public' || !isP256(key)) throw new UnusablePublicKey('the public key must be an ECDSA P-256 key');
  return Uint8Array.from(key.export({ type: 'spki', format: 'der' }));
}

function parsePublicKey(pem: string): KeyObject {
  // createPublicKey would also take a private key or a certificate and derive the public key from it.
  if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) throw new UnusablePublicKey('the public key must be SPKI in PEM');
  try {
    return createPublicKey(pem);
  } catch {
    throw new UnusablePublicKey('the public key cannot be parsed');
  }
}

function parseStored<T>(parse: () => T): T {
  try {
    return parse();
  } catch {
    // Without its cause, which may quote a key.
    throw new TypeError('the stored authority cannot be parsed');
  }
}

function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

/** 128 bits; the first two are fixed, so that the number is positive and has no leading zeros (RFC 5280 §4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

const asPem = (certificate: X509Certificate): string => `${certificate.toString('pem').trim()}\n`;

async function privatePem(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), PemConverter.PrivateKeyTag).trim()}\n`;
}
