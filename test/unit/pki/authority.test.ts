import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { BACKDATE_MS, createAuthority, issuePeerCertificate, issueServingCertificate, issueServingPair, readAuthority, UnusablePublicKey } from '../../../pki/authority.ts';
import type { Authority } from '../../../pki/authority.ts';
import { portOf } from '../../kit/ports.ts';

const NOW = Math.floor(Date.now() / 1000) * 1000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NAMES = { dnsNames: ['webhook.mcpgateway-system.svc'], ipAddresses: ['127.0.0.1', '::1'] };

const anAuthority = (over: Partial<Parameters<typeof createAuthority>[0]> = {}): Promise<Authority> =>
  createAuthority({ commonName: 'mcpgateway webhook', nowMs: NOW, lifetimeMs: 365 * DAY_MS, ...over });
const aPair = (authority: Authority, over: Partial<Parameters<typeof issueServingPair>[1]> = {}) =>
  issueServingPair(authority, { ...NAMES, nowMs: NOW, lifetimeMs: 7 * DAY_MS, ...over });

/** What the client of a real handshake sees. */
async function handshake(pair: { certificatePem: string; privateKeyPem: string }, ca: string, servername: string): Promise<{ authorized: boolean; error: unknown }> {
  const server = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client: TLSSocket = connect({ port: portOf(server), host: '127.0.0.1', ca, servername, rejectUnauthorized: false });
  await once(client, 'secureConnect');
  const seen = { authorized: client.authorized, error: client.authorizationError ?? undefined };
  client.destroy();
  server.close();
  return seen;
}

describe('an authority', () => {
  test('is an ECDSA P-256 authority that signs end-entity certificates only', async () => {
    const authority = await anAuthority();
    const certificate = new X509Certificate(authority.certificatePem);
    expect(certificate.ca).toBe(true);
    expect(certificate.subject).toBe('CN=mcpgateway webhook');
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(authority.privateKeyPem))).toBe(true);
    // DER of basicConstraints: critical, cA TRUE, pathLenConstraint 0.
    expect(certificate.raw.toString('hex')).toContain('0603551d130101ff040830060101ff020100');
  });

  test('begins a little in the past and says its own dates', async () => {
    const authority = await anAuthority();
    const certificate = new X509Certificate(authority.certificatePem);
    expect([authority.notBeforeMs, authority.notAfterMs]).toEqual([NOW - BACKDATE_MS, NOW + 365 * DAY_MS]);
    expect([certificate.validFromDate.getTime(), certificate.validToDate.getTime()]).toEqual([authority.notBeforeMs, authority.notAfterMs]);
  });

  test.each(['', 'x'.repeat(65), 'a, O=b', 'a+b', '"a"', '#61', ' a'])('is not made under the name %j', async (commonName) => {
    await expect(anAuthority({ commonName })).rejects.toThrow('a common name has 1 to 64');
  });

  test('is read back as it was stored', async () => {
    const authority = await anAuthority();
    expect(readAuthority(authority)).toEqual(authority);
  });

  test('is not read with the key of another, as an end-entity certificate, or from rubbish', async () => {
    const [one, other] = [await anAuthority(), await anAuthority()];
    const leaf = await aPair(one);
    expect(() => readAuthority({ ...one, privateKeyPem: other.privateKeyPem })).toThrow('not that of the stored authority');
    expect(() => readAuthority(leaf)).toThrow('not an ECDSA P-256 authority');
    expect(() => readAuthority({ ...one, certificatePem: 'secret' })).toThrow(new TypeError('the stored authority cannot be parsed'));
    expect(() => readAuthority({ ...one, privateKeyPem: 'secret' })).toThrow(new TypeError('the stored authority cannot be parsed'));
  });
});

describe('a serving certificate', () => {
  test('is accepted in a TLS handshake for its names, and for no others', async () => {
    const authority = await anAuthority();
    const pair = await aPair(authority);
    expect(await handshake(pair, authority.certificatePem, 'webhook.mcpgateway-system.svc')).toEqual({ authorized: true, error: undefined });
    expect(await handshake(pair, authority.certificatePem, 'other.mcpgateway-system.svc')).toMatchObject({ authorized: false });
    expect(await handshake(pair, (await anAuthority()).certificatePem, 'webhook.mcpgateway-system.svc')).toMatchObject({ authorized: false });
  });

  test('has the names of the request, one use, and no authority', async () => {
    const certificate = new X509Certificate((await aPair(await anAuthority())).certificatePem);
    expect(certificate.subjectAltName).toBe('DNS:webhook.mcpgateway-system.svc, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    expect(certificate.subject).toBe('CN=mcpgateway serving');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(certificate.ca).toBe(false);
  });

  test('of a peer is for both ends of a connection, and otherwise the same', async () => {
    const authority = await anAuthority();
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const request = { publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(), dnsNames: ['pod.server.internal'], ipAddresses: [], nowMs: NOW, lifetimeMs: 60_000 };
    const certificate = new X509Certificate((await issuePeerCertificate(authority, request)).certificatePem);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect([certificate.subjectAltName, certificate.subject, certificate.ca]).toEqual(['DNS:pod.server.internal', 'CN=mcpgateway peer', false]);
  });

  test('has a random serial number of 128 bits', async () => {
    const authority = await anAuthority();
    const serials = await Promise.all(Array.from({ length: 20 }, async () => {
      const { certificatePem, serialNumber } = await aPair(authority);
      expect(new X509Certificate(certificatePem).serialNumber.toLowerCase()).toBe(serialNumber);
      return serialNumber;
    }));
    expect(new Set(serials).size).toBe(20);
    expect(serials.every((serial) => /^[4-7][0-9a-f]{31}$/.test(serial))).toBe(true);
  });

  test.each<[string, number, number, { from: number; to: number }]>([
    ['lives as long as asked', 365 * DAY_MS, 7 * DAY_MS, { from: NOW - BACKDATE_MS, to: NOW + 7 * DAY_MS }],
    ['ends with its authority', DAY_MS, 7 * DAY_MS, { from: NOW - BACKDATE_MS, to: NOW + DAY_MS }],
  ])('%s', async (_title, authorityLifetimeMs, lifetimeMs, { from, to }) => {
    const { certificatePem, notBeforeMs, notAfterMs } = await aPair(await anAuthority({ lifetimeMs: authorityLifetimeMs }), { lifetimeMs });
    const certificate = new X509Certificate(certificatePem);
    expect([notBeforeMs, notAfterMs]).toEqual([from, to]);
    expect([certificate.validFromDate.getTime(), certificate.validToDate.getTime()]).toEqual([from, to]);
  });

  test('does not begin before its authority', async () => {
    const authority = await anAuthority();
    expect((await aPair(authority, { nowMs: NOW - BACKDATE_MS })).notBeforeMs).toBe(authority.notBeforeMs);
  });

  test('is not issued by an authority that has ended', async () => {
    const authority = await anAuthority({ lifetimeMs: HOUR_MS });
    await expect(aPair(authority, { nowMs: NOW + HOUR_MS })).rejects.toThrow('would have ended already');
  });

  test('is issued for a key that stays elsewhere', async () => {
    const authority = await anAuthority();
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const { certificatePem } = await issueServingCertificate(authority, { publicKey: pem, ...NAMES, nowMs: NOW, lifetimeMs: DAY_MS });
    const certificate = new X509Certificate(certificatePem);
    expect(certificate.checkPrivateKey(privateKey)).toBe(true);
    expect(certificate.checkIssued(new X509Certificate(authority.certificatePem))).toBe(true);
    expect(certificate.verify(new X509Certificate(authority.certificatePem).publicKey)).toBe(true);
  });

  const spki = (pair: { publicKey: { export(options: { type: 'spki'; format: 'pem' }): string | Buffer } }): string => pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  test.each<[string, () => string]>([
    ['an RSA key', () => spki(generateKeyPairSync('rsa', { modulusLength: 2048 }))],
    ['a key on another curve', () => spki(generateKeyPairSync('ec', { namedCurve: 'P-384' }))],
    ['an Ed25519 key', () => spki(generateKeyPairSync('ed25519'))],
    ['a private key', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['rubbish', () => 'rubbish'],
    ['rubbish in PEM', () => '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
  ])('is not issued for %s', async (_title, publicKey) => {
    const authority = await anAuthority();
    await expect(issueServingCertificate(authority, { publicKey: publicKey(), ...NAMES, nowMs: NOW, lifetimeMs: DAY_MS })).rejects.toThrow(UnusablePublicKey);
  });

  test.each<[string, Partial<typeof NAMES>, string]>([
    ['no name at all', { dnsNames: [], ipAddresses: [] }, 'at least one name'],
    ['a wildcard', { dnsNames: ['*.svc'] }, 'not a lower-case DNS name'],
    ['capitals', { dnsNames: ['A.svc'] }, 'not a lower-case DNS name'],
    ['two names in one', { dnsNames: ['a,DNS:b'] }, 'not a lower-case DNS name'],
    ['a NUL byte', { dnsNames: ['a\0.b'] }, 'not a lower-case DNS name'],
    ['an address as a name', { dnsNames: ['127.0.0.1'] }, 'not a lower-case DNS name'],
    ['a name too long', { dnsNames: [`${'a'.repeat(63)}.`.repeat(4).slice(0, -1)] }, 'not a lower-case DNS name'],
    ['a name as an address', { ipAddresses: ['localhost'] }, 'not an IP address'],
    ['a zone', { ipAddresses: ['fe80::1%eth0'] }, 'not an IP address'],
  ])('is not issued for %s', async (_title, names, message) => {
    await expect(aPair(await anAuthority(), names)).rejects.toThrow(message);
  });
});
