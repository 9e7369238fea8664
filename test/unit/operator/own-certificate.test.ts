import { X509Certificate } from 'node:crypto';
import { beforeEach, expect, test } from '@jest/globals';
import { ConfigError } from '../../../core/config-error.ts';
import { openOwnCertificate } from '../../../operator/own-certificate.ts';
import type { OwnCertificate } from '../../../operator/own-certificate.ts';
import { createAuthority } from '../../../pki/authority.ts';
import type { Authority } from '../../../pki/authority.ts';
import type { RotationPlan } from '../../../pki/rotation.ts';

const DAY_MS = 24 * 3_600_000;
const START_MS = Date.parse('2026-06-01T00:00:00Z');
let nowMs: number;
let authority: Authority;
let own: OwnCertificate;

const planOf = (signer: Authority | undefined): RotationPlan<Authority> => ({ create: false, signer, trusted: [], dropped: [], nextMs: 0 });
const anAuthority = (): Promise<Authority> => createAuthority({ commonName: 'mcpgateway operator authority', nowMs: START_MS, lifetimeMs: 365 * DAY_MS });
const isSignedBy = (pem: string, { certificatePem }: Authority): boolean => new X509Certificate(pem).verify(new X509Certificate(certificatePem).publicKey);
const open = (plan: RotationPlan<Authority>) =>
  openOwnCertificate(plan, { dnsNames: ['mcpgateway-operator.mcpgateway.svc'], ipAddresses: [], lifetimeMs: 6 * DAY_MS, clock: { nowMs: () => nowMs } });

beforeEach(async () => {
  nowMs = START_MS;
  authority = await anAuthority();
  own = await open(planOf(authority));
});

test('is there from the start, for the names it was asked for', () => {
  const { subjectAltName } = new X509Certificate(own.first.certificatePem);
  expect(subjectAltName).toBe('DNS:mcpgateway-operator.mcpgateway.svc');
  expect(isSignedBy(own.first.certificatePem, authority)).toBe(true);
});

test('is replaced at two thirds of its life, and not before; so is the next', async () => {
  nowMs = START_MS + 4 * DAY_MS - 1;
  expect(await own.renew(planOf(authority))).toBeUndefined();
  nowMs = START_MS + 4 * DAY_MS;
  const next = await own.renew(planOf(authority));
  expect(Date.parse(new X509Certificate(next?.certificatePem ?? '').validTo)).toBe(START_MS + 10 * DAY_MS);
  expect(next?.privateKeyPem).not.toBe(own.first.privateKeyPem);
  expect(await own.renew(planOf(authority))).toBeUndefined();
  nowMs = START_MS + 8 * DAY_MS;
  expect(await own.renew(planOf(authority))).toBeDefined();
});

test('is replaced when another authority signs', async () => {
  const successor = await anAuthority();
  const next = await own.renew(planOf(successor));
  expect(isSignedBy(next?.certificatePem ?? '', successor)).toBe(true);
  expect(await own.renew(planOf(successor))).toBeUndefined();
});

test('is replaced when the clock was set back behind its making', async () => {
  nowMs = START_MS - 1;
  expect(await own.renew(planOf(authority))).toBeDefined();
});

test('needs an authority that signs: at the start, and later', async () => {
  await expect(open(planOf(undefined))).rejects.toBeInstanceOf(ConfigError);
  await expect(own.renew(planOf(undefined))).rejects.toThrow('delete its Secret');
});
