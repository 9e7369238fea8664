/** Several pods of one server, each a sidecar with a spy behind it, that know each other by certificates of the real kind. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { peerPodName, peerServerName } from '../../api/peer-name.ts';
import { createAuthority, issuePeerCertificate } from '../../pki/authority.ts';
import type { Authority } from '../../pki/authority.ts';
import type { Holder } from '../../sidecar/session/holder.ts';
import type { TlsMaterial } from '../../sidecar/tls-files.ts';
import { aBundle } from './bundles.ts';
import type { TestToken } from './bundles.ts';
import { guarded } from './guarded.ts';
import type { Guarded } from './guarded.ts';
import { freePort } from './ports.ts';
import type { SpyScript } from './spy-scripts.ts';

/** UID of the server that `aBundle` makes. */
export const SERVER_UID = 'uid-server';
const HOUR_MS = 3_600_000;

export interface GuardedPod extends Guarded {
  readonly pod: Holder;
  /** What this pod alone is told now. */
  publish(tokens: readonly TestToken[], authorities?: readonly Authority[]): void;
}

export interface PeerGroup {
  readonly authority: Authority;
  /** Of every sidecar. */
  readonly port: number;
  /** `address`: of the loopback network, one for each pod. */
  addPod(address: string, options?: { readonly script?: SpyScript; readonly pod?: Holder }): Promise<GuardedPod>;
}

export function aPeerAuthority(commonName = 'test peer authority'): Promise<Authority> {
  return createAuthority({ commonName, nowMs: Date.now() - HOUR_MS, lifetimeMs: 2 * HOUR_MS });
}

export function aPod(ip: string): Holder {
  return { podUid: randomUUID(), ip };
}

/** Names as they should be, unless others are given. */
export async function certify(authority: Authority, { podUid }: Pick<Holder, 'podUid'>, over: { readonly dnsNames?: readonly string[]; readonly nowMs?: number } = {}): Promise<TlsMaterial> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { certificatePem } = await issuePeerCertificate(authority, {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    dnsNames: over.dnsNames ?? [peerPodName(SERVER_UID, podUid), peerServerName(SERVER_UID)],
    ipAddresses: [],
    nowMs: over.nowMs ?? Date.now(),
    lifetimeMs: HOUR_MS / 2,
  });
  return { cert: certificatePem, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

export async function aPeerGroup(tokens: readonly TestToken[]): Promise<PeerGroup> {
  const authority = await aPeerAuthority();
  const port = await freePort();
  return {
    authority,
    port,
    async addPod(address, { script, pod = aPod(address) } = {}) {
      const running = await guarded({
        tokens, bundle: { peerAuthorities: [authority.certificatePem] }, peers: { self: pod, port },
        spy: script === undefined ? {} : { script },
      });
      running.sidecar.setPeerCertificate(await certify(authority, pod));
      return {
        ...running,
        pod,
        publish: (next, authorities = [authority]) =>
          running.sidecar.publish([aBundle({ port: running.spy.port, tokens: next, peerAuthorities: authorities.map(({ certificatePem }) => certificatePem) })]),
      };
    },
  };
}
