import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { peerPodName, peerServerName } from '../../../../api/peer-name.ts';
import { issueServingPair } from '../../../../pki/authority.ts';
import { isOfPeer, isOfPod } from '../../../../sidecar/peer/peer-trust.ts';
import { aPeerAuthority, aPod, certify, SERVER_UID } from '../../../kit/peers.ts';

const POD = aPod('10.0.0.1');
const authority = await aPeerAuthority();
const other = await aPeerAuthority('another');
const trust = { authorities: [other.certificatePem, authority.certificatePem], serverUid: SERVER_UID };
const read = (pem: string): X509Certificate => new X509Certificate(pem);
const GOOD = read((await certify(authority, POD)).cert);

describe('a certificate', () => {
  test('is a peer\'s, and of its pod and no other', () => {
    expect(isOfPeer(GOOD, trust, Date.now())).toBe(true);
    expect(isOfPod(GOOD, { ...trust, podUid: POD.podUid }, Date.now())).toBe(true);
    expect(isOfPod(GOOD, { ...trust, podUid: aPod('10.0.0.1').podUid }, Date.now())).toBe(false);
  });

  test.each<[string, () => boolean]>([
    ['of another server', () => isOfPeer(GOOD, { ...trust, serverUid: 'uid-other' }, Date.now())],
    ['of an authority that is not trusted', () => isOfPeer(GOOD, { ...trust, authorities: [other.certificatePem] }, Date.now())],
    ['where nobody is trusted', () => isOfPeer(GOOD, { ...trust, authorities: [] }, Date.now())],
    ['before its time', () => isOfPeer(GOOD, trust, Date.parse(GOOD.validFrom) - 1)],
    ['from its end on', () => isOfPeer(GOOD, trust, Date.parse(GOOD.validTo))],
  ])('is nobody\'s %s', (_name, attempt) => {
    expect(attempt()).toBe(false);
  });

  test('is no peer\'s by a wildcard, a part of a name or its subject', async () => {
    for (const dnsNames of [[`x.${peerServerName(SERVER_UID)}`], ['peer.mcpgateway.internal'], [peerPodName(SERVER_UID, POD.podUid)]]) {
      expect(isOfPeer(read((await certify(authority, POD, { dnsNames })).cert), trust, Date.now())).toBe(false);
    }
    const serving = await issueServingPair(authority, { dnsNames: ['mcpgateway'], ipAddresses: [], nowMs: Date.now(), lifetimeMs: 60_000 });
    expect(isOfPeer(read(serving.certificatePem), trust, Date.now())).toBe(false);
  });
});
