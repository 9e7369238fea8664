import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Bundle } from '../../../api/bundle.ts';
import type { LedgerToken } from '../../../api/ledger.ts';
import type { GatewayToken, MCPServer } from '../../../api/v1alpha1/index.ts';
import { parseGatewayConfig } from '../../../manifest/gateway-config.ts';
import { createPublisher } from '../../../operator/publisher.ts';
import type { PeerAuthorities, Publisher } from '../../../operator/publisher.ts';
import { createManualScheduler } from '../../kit/kube-clock.ts';
import type { ManualScheduler } from '../../kit/kube-clock.ts';
import { aServer, aToken, SHA } from '../core/bundle/kit.ts';

/** The cluster and the ledger, as a test changes them. */
let servers: MCPServer[];
let tokens: GatewayToken[];
let entries: LedgerToken[];
let namespaceLabels: Map<string, Record<string, string>>;
let sessionKeys: Map<string, string>;
let versions: Record<string, string>;
let peers: PeerAuthorities;
let positions: Record<string, string> | undefined;
let maxStalenessSeconds: number;
let compilations: number;
let clock: ManualScheduler;
/** Of a compilation. */
let costMs: number;
let spentMs: number;
/** What the sink was told, in order. */
let told: string[];
let bundles: Bundle[];
let publisher: Publisher;

beforeEach(() => {
  servers = [aServer('github')];
  tokens = [aToken('ci')];
  entries = [];
  namespaceLabels = new Map();
  sessionKeys = new Map([['server-github', 'a2V5'], ['server-jira', 'a2V5'], ['another', 'b3RoZXI']]);
  versions = {};
  peers = { certificates: ['PEM'], resourceVersion: '7' };
  positions = undefined;
  maxStalenessSeconds = 900;
  compilations = 0;
  clock = createManualScheduler();
  costMs = 0;
  spentMs = 0;
  told = [];
  bundles = [];
  publisher = createPublisher({
    servers() {
      compilations += 1;
      spentMs += costMs;
      return servers;
    },
    tokens: () => tokens,
    namespaceLabels: () => namespaceLabels,
    ledger: { tokens: () => entries, sessionKeys: () => sessionKeys, versions: () => versions },
    config: () => parseGatewayConfig(JSON.stringify({ listener: { plainHTTP: true }, sidecars: { maxStalenessSeconds } }), 'gateway-config.json'),
    peerAuthorities: () => peers,
    positions: () => positions,
    clock: { ...clock, monotonicMs: () => clock.monotonicMs() + spentMs },
    sink: {
      publish(bundle) {
        told.push(`publish ${bundle.server.namespace}/${bundle.server.name}`);
        bundles.push(bundle);
      },
      retract: (server) => void told.push(`retract ${server}`),
    },
  });
});

const minted = (): LedgerToken => ({
  namespace: 'tools', name: 'ci', uid: 'token-ci', firstSeenMs: 1, revoked: false,
  generations: [{ id: 'aaaaaaaa', sha256: SHA, issuedAtMs: 1, expiresAtMs: 9, state: 'Current' }],
});

/** What the sink is told from now on. */
function publish(): readonly string[] {
  const before = told.length;
  publisher.publish();
  return told.slice(before);
}

describe('a bundle', () => {
  test('is published once for each revision of it', () => {
    expect(publish()).toEqual(['publish tools/github']);
    expect(publish()).toEqual([]);
    tokens = [aToken('ci', { revoked: true })];
    expect(publish()).toEqual(['publish tools/github']);
    expect(publish()).toEqual([]);
    expect(bundles.map(({ tokens: all }) => all.map(({ revoked }) => revoked))).toEqual([[false], [true]]);
  });

  test('is published again when what it says is what it said before the last change', () => {
    publish();
    tokens = [aToken('ci', { revoked: true })];
    publish();
    tokens = [aToken('ci')];
    expect(publish()).toEqual(['publish tools/github']);
    expect(bundles[2]?.revision).toBe(bundles[0]?.revision);
  });

  test('holds the generations that are on record, and follows the record', () => {
    publish();
    entries = [minted()];
    expect(publish()).toEqual(['publish tools/github']);
    expect(bundles[1]?.tokens[0]?.generations).toEqual([{ id: 'aaaaaaaa', sha256: SHA, expiresAtMs: 9 }]);
  });

  test('says how old it may get by the configuration of now', () => {
    publish();
    maxStalenessSeconds = 60;
    expect(publish()).toEqual(['publish tools/github']);
    expect(bundles.map(({ maxStalenessMs }) => maxStalenessMs)).toEqual([900_000, 60_000]);
  });

  test('holds those who vouch for sidecars among each other, and follows them', () => {
    publish();
    peers = { certificates: ['NEW', 'PEM'], resourceVersion: '8' };
    expect(publish()).toEqual(['publish tools/github']);
    expect(bundles.map(({ peerAuthorities, order }) => [peerAuthorities, order['PeerAuthorities/all']])).toEqual([[['PEM'], '7'], [['NEW', 'PEM'], '8']]);
  });

  test('has in its order the objects and the shards that it was made of, and how far each kind has been seen', () => {
    versions = { 'Secret/home/mcpgateway-ledger-07': '31', 'Secret/home/mcpgateway-ledger-11': '32' };
    positions = { MCPServer: '40', GatewayToken: '41', Secret: '42' };
    publish();
    expect(bundles[0]?.order).toEqual({
      'MCPServer/tools/github': '10', 'GatewayToken/tools/ci': '20', 'Secret/home/mcpgateway-ledger-07': '31', 'Secret/home/mcpgateway-ledger-11': '32',
      'PeerAuthorities/all': '7', MCPServer: '40', GatewayToken: '41', Secret: '42',
    });
  });

  test('is not published again for a newer version alone', () => {
    versions = { 'Secret/home/mcpgateway-ledger-07': '31' };
    publish();
    versions = { 'Secret/home/mcpgateway-ledger-07': '40' };
    expect(publish()).toEqual([]);
  });

  test('is published for what it was made of when it has said the same for 30 s, changed or not', async () => {
    publish();
    versions = { 'Secret/home/mcpgateway-ledger-07': '40' };
    await clock.advance(29_999);
    expect(publish()).toEqual([]);
    await clock.advance(1);
    expect(publish()).toEqual(['publish tools/github']);
    expect(bundles[1]?.order).toMatchObject({ 'Secret/home/mcpgateway-ledger-07': '40' });
    await clock.advance(29_999);
    expect(publish()).toEqual([]);
  });

  test('is served at the path of its upstream, which two servers may have in common', () => {
    servers = [aServer('github'), aServer('jira')];
    expect(publish()).toEqual(['publish tools/github', 'publish tools/jira']);
    expect(bundles.map(({ endpoints }) => endpoints)).toEqual([[{ path: '/mcp' }], [{ path: '/mcp' }]]);
  });

  test('of one server is published without a word to the others', () => {
    servers = [aServer('github'), aServer('jira')];
    publish();
    tokens = [aToken('ci', { revoked: true })];
    expect(publish()).toEqual(['publish tools/github']);
  });

  test('follows the labels of a namespace whose tokens it admits', () => {
    servers = [aServer('github', { tokens: { from: [{ namespaceSelector: { matchLabels: { team: 'red' } }, tools: ['*'] }] } })];
    tokens = [aToken('ci', { permissions: [{ serverRefs: [{ name: 'github', namespace: 'tools' }], tools: ['*'] }] }, { namespace: 'builds' })];
    publish();
    namespaceLabels = new Map([['builds', { team: 'red' }]]);
    publish();
    namespaceLabels = new Map([['builds', { team: 'blue' }]]);
    publish();
    expect(bundles.map(({ tokens: all }) => all.length)).toEqual([0, 1, 0]);
  });
});

describe('a server', () => {
  test.each<[string, () => void]>([
    ['gone', () => void (servers = [])],
    ['being deleted', () => void (servers = [aServer('github', {}, { deletionTimestamp: '2026-06-01T00:00:00Z' })])],
    ['at fault', () => void (servers = [aServer('github', { identity: { assertion: 'Enabled' } })])],
    ['without a session key', () => void (sessionKeys = new Map())],
  ])('that is %s is retracted, once', (_what, change) => {
    publish();
    change();
    expect(publish()).toEqual(['retract tools/github']);
    expect(publish()).toEqual([]);
  });

  test('that was never published is not retracted', () => {
    sessionKeys = new Map();
    expect(publish()).toEqual([]);
  });

  test('that is back is published again', () => {
    publish();
    servers = [];
    publish();
    servers = [aServer('github')];
    expect(publish()).toEqual(['publish tools/github']);
  });

  test('made again under the name of another is published anew, without a retraction between', () => {
    publish();
    servers = [aServer('github', {}, { uid: 'another' })];
    expect(publish()).toEqual(['publish tools/github']);
    expect(bundles.map(({ server, sessionKey }) => [server.uid, sessionKey])).toEqual([['server-github', 'a2V5'], ['another', 'b3RoZXI']]);
  });
});

describe('an object at fault', () => {
  test('takes only its own server out, and says why', () => {
    servers = [aServer('github', { identity: { assertion: 'Enabled' } }), aServer('jira')];
    expect(publish()).toEqual(['publish tools/jira']);
    expect(publisher.problemsOf('MCPServer', 'tools', 'github')).toMatchObject([{ field: 'spec.identity.assertion', problem: 'is not supported by this release' }]);
    expect(publisher.problemsOf('MCPServer', 'tools', 'jira')).toEqual([]);
  });

  test('takes only its own token out, and says why', () => {
    tokens = [aToken('ci', { binding: 'Certificate' }), aToken('bot')];
    publish();
    expect(bundles[0]?.tokens.map(({ name }) => name)).toEqual(['bot']);
    expect(publisher.problemsOf('GatewayToken', 'tools', 'ci')).toMatchObject([{ field: 'spec.binding' }]);
    expect(publisher.problemsOf('GatewayToken', 'tools', 'bot')).toEqual([]);
  });

  test('does not hold up a restriction elsewhere', () => {
    tokens = [aToken('ci'), aToken('bot')];
    publish();
    tokens = [aToken('ci', { revoked: true }), aToken('bot', { binding: 'Certificate' })];
    publish();
    expect(bundles[1]?.tokens.map(({ name, revoked }) => [name, revoked])).toEqual([['ci', true]]);
  });

  test('has no problem any more once it is repaired', () => {
    servers = [aServer('github', { identity: { assertion: 'Enabled' } })];
    publish();
    servers = [aServer('github')];
    publish();
    expect(publisher.problemsOf('MCPServer', 'tools', 'github')).toEqual([]);
  });

  test('is told by its kind and its namespace, not by its name alone', () => {
    servers = [aServer('ci', { identity: { assertion: 'Enabled' } })];
    tokens = [aToken('ci')];
    publish();
    expect(publisher.problemsOf('MCPServer', 'tools', 'ci')).not.toEqual([]);
    expect(publisher.problemsOf('GatewayToken', 'tools', 'ci')).toEqual([]);
    expect(publisher.problemsOf('MCPServer', 'other', 'ci')).toEqual([]);
  });
});

describe('a publication that is scheduled', () => {
  test('comes later, and once for all changes that come together', async () => {
    publisher.schedule();
    tokens = [aToken('ci', { revoked: true })];
    publisher.schedule();
    publisher.schedule();
    expect([compilations, told]).toEqual([0, []]);
    await turn();
    expect([compilations, told]).toEqual([1, ['publish tools/github']]);
    expect(bundles[0]?.tokens[0]?.revoked).toBe(true);
  });

  test('comes again for what changes after it', async () => {
    publisher.schedule();
    await turn();
    servers = [];
    publisher.schedule();
    await turn();
    expect(told).toEqual(['publish tools/github', 'retract tools/github']);
  });

  test('is not needed any more after one that was made at once', async () => {
    publisher.schedule();
    publisher.publish();
    await turn();
    expect(compilations).toBe(1);
  });

  test('can be waited for', async () => {
    await publisher.published();
    expect(compilations).toBe(0);
    publisher.schedule();
    await publisher.published();
    expect([compilations, told]).toEqual([1, ['publish tools/github']]);
    await publisher.published();
    publisher.schedule();
    const waiting = publisher.published();
    publisher.publish();
    await waiting;
    await turn();
    expect(compilations).toBe(2);
  });

  test('that follows one which took long comes after a rest, and everything that changed meanwhile with it', async () => {
    costMs = 30;
    publisher.schedule();
    await publisher.published();
    publisher.schedule();
    await clock.advance(119);
    publisher.schedule();
    await turn();
    expect(compilations).toBe(1);
    await clock.advance(1);
    expect(compilations).toBe(2);
    await clock.advance(10_000);
    expect(compilations).toBe(2);
  });

  test('rests for 200 ms at most', async () => {
    costMs = 1000;
    publisher.schedule();
    await publisher.published();
    publisher.schedule();
    await clock.advance(200);
    expect(compilations).toBe(2);
  });
});
