/** The operator as a process: reads its configuration, builds the parts, starts them, drains them on a signal. */
import { randomInt } from 'node:crypto';
import { isIP } from 'node:net';
import type { ServerName, StreamEndpoint } from '../api/bundle-stream.ts';
import type { MCPServer } from '../api/v1alpha1/index.ts';
import { ConfigError } from '../core/config-error.ts';
import { publicHosts } from '../core/public-hosts.ts';
import { createGatewayConfigParser } from '../manifest/gateway-config.ts';
import type { Authority, ServingPair } from '../pki/authority.ts';
import type { RotationPlan } from '../pki/rotation.ts';
import { createAdminServer } from '../runtime/admin-server.ts';
import { createLogger } from '../runtime/log.ts';
import type { Logger } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { createShutdown } from '../runtime/shutdown.ts';
import { createTryConnect } from '../runtime/try-connect.ts';
import type { KnownPod } from './bundle/pod-admission.ts';
import { createBundleServer } from './bundle/serve.ts';
import type { CertificateIssuer } from './bundle/serve.ts';
import { createBundleStore } from './bundle/store.ts';
import { createClusterView } from './cluster-view.ts';
import type { ClusterView, GuardedPod } from './cluster-view.ts';
import { openConfigFile } from './config-file.ts';
import type { ConfigFile } from './config-file.ts';
import { readOperatorConfig } from './config.ts';
import type { OperatorConfig } from './config.ts';
import { podRefused } from './controllers/mcp-server/happenings.ts';
import { createCertificateIssuer } from './issue-certificate.ts';
import { createPeerCertificateIssuer } from './issue-peer-certificate.ts';
import { createKubeClient } from './kube/client.ts';
import type { KubeClient } from './kube/client.ts';
import { createEventRecorder } from './kube/events.ts';
import { createKubeMetrics } from './kube/kube-metrics.ts';
import { createLeaderElection } from './kube/lease.ts';
import { systemScheduler } from './kube/scheduler.ts';
import { createOperator } from './operator.ts';
import { openOwnCertificate } from './own-certificate.ts';
import type { OwnCertificate } from './own-certificate.ts';
import { createPodReview } from './review-pod.ts';
import { createSidecarStreams } from './streams.ts';
import type { Authorities } from './trust/authorities.ts';
import { createAuthorities, trustedPem } from './trust/authorities.ts';
import { publishWebhookTrust } from './trust/webhook-trust.ts';
import { createUsageMemory } from './usage/usage-memory.ts';
import { createInjector } from './webhook/inject.ts';
import type { InjectorDeps } from './webhook/inject.ts';
import { createWebhookServer } from './webhook/server.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 64;
const SHUTDOWN_GRACE_MS = 30_000;
const HEARTBEAT_MS = 2_000;
const MAX_STREAMS = 10_000;
const LEAF_LIFETIME_MS = 7 * 24 * 3_600_000;
/** The ConfigMap with the authorities reaches a running pod within minutes. */
const TRUST_DELAY_MS = 15 * 60_000;
const UPKEEP_MS = 10_000;
/** Of an attempt to reach a pod. */
const CONNECT_DEADLINE_MS = 3_000;
const RANDOM_RANGE = 2 ** 32;

async function run(config: OperatorConfig): Promise<void> {
  const clock = systemScheduler;
  const log = createLogger({ level: config.logLevel });
  const registry = createMetrics({ processMetrics: true });
  const metrics = createKubeMetrics(registry);
  const configFile = await openConfigFile(config.configFile, createGatewayConfigParser(), log);
  const client = createKubeClient({ kubeConfig: config.kubeConfig, rate: config.apiRate, userAgent: 'mcpgateway-operator', clock, metrics });
  const shutdown = createShutdown({ signals: ['SIGTERM', 'SIGINT'], graceMs: SHUTDOWN_GRACE_MS, log, exit: (code) => process.exit(code === 0 ? process.exitCode : code), source: process });
  const { signal } = shutdown;
  const { namespace, instance } = config;

  const { authorities, servingAuthorities, peerAuthorities } = openAuthorities(client, config);
  let [trust, servingTrust, peerTrust] = await Promise.all([authorities.read(signal), servingAuthorities.read(signal), peerAuthorities.read(signal)]);
  const certificate = await openCertificate(trust, config);

  const view = createClusterView({ client, namespace, clock, log, metrics, random: () => randomInt(RANDOM_RANGE) / RANDOM_RANGE });
  const store = createBundleStore({ clock, epoch: config.epoch, positions: () => view.positions() });
  const election = createLeaderElection({ client, namespace, name: 'mcpgateway-operator', candidate: instance, clock, log, metrics });
  const events = createEventRecorder({ client, controller: 'mcpgateway.dev/operator', instance, clock, log, metrics });
  const usage = createUsageMemory({ tokenOf: ({ namespace: of, name }) => view.tokens.get(of, name)?.object, clock, metrics: registry });
  const operator = createOperator({
    client, view, election, events, namespace, clock, log, metrics, usage,
    streams: createSidecarStreams(store, clock),
    config: () => configFile.current(),
    authorities: () => ({ stream: trustedPem(trust), serving: trustedPem(servingTrust) }),
    peerAuthorities: () => ({ certificates: peerTrust.trusted.map(({ certificatePem }) => certificatePem), resourceVersion: peerTrust.resourceVersion }),
    settings: config.injection,
    tryConnect: createTryConnect(CONNECT_DEADLINE_MS),
  });

  const streams = createBundleServer(
    { address: config.address, port: config.ports.stream, tls: tlsOf(certificate.first), maxConnections: MAX_STREAMS, heartbeatMs: HEARTBEAT_MS },
    {
      store, clock,
      review: createPodReview(client),
      podOf: (podNamespace, name) => knownPod(view.pods.get(podNamespace, name)),
      progressAgeMs: () => clock.monotonicMs() - (view.progressMs() ?? -Infinity),
      onUsage: usage.receive,
      issuers: certificateIssuers({ client, view }, { publicHosts: publicHostsOf(view, configFile), serving: () => servingTrust, peer: () => peerTrust }),
    },
  );
  view.pods.onChange(({ namespace: podNamespace = '', name }) => streams.podChanged(podNamespace, name));
  const webhook = createWebhookServer(
    {
      inject: createInjector({ serverOf: knownServers(view), settings: () => config.injection, log, refused: (refused) => podRefused(refused).forEach(events.record) }),
      metrics: registry, log,
    },
    { address: config.address, port: config.ports.webhook, certificate: certificate.first },
  );
  const admin = createAdminServer({ address: config.address, port: config.ports.admin, metrics: registry, live: () => true, ready: () => operator.isReady() && !signal.aborted });
  const adminBound = await admin.start();
  shutdown.addCloser('streams', () => streams.stop());
  shutdown.addCloser('webhook', (remainingMs) => webhook.stop(remainingMs / 2));

  const upkeep = setInterval(onceAtATime(() => keepUp().catch((error: unknown) => log.error('upkeep failed', { error }))), UPKEEP_MS);
  async function keepUp(): Promise<void> {
    if (await configFile.refresh()) operator.configChanged();
    operator.refresh();
    const isLeader = election.isLeader();
    const turn = isLeader ? 'rotate' : 'read';
    [trust, servingTrust, peerTrust] = await Promise.all([authorities[turn](signal), servingAuthorities[turn](signal), peerAuthorities[turn](signal)]);
    const renewed = await certificate.renew(trust);
    if (renewed !== undefined) {
      streams.setTls(tlsOf(renewed));
      webhook.replaceCertificate(renewed);
    }
    if (isLeader) await trustWebhook({ client, config, log }, trust, signal);
  }

  const running = operator.run(signal);
  shutdown.addCloser('operator', async () => {
    clearInterval(upkeep);
    await running;
    await client.close();
    await admin.stop();
  });
  await view.synced;
  const streamBound = await streams.start();
  const webhookBound = await webhook.start();
  // Any replica may: pods can be created from now on, and they all say the same.
  await trustWebhook({ client, config, log }, trust, signal);
  log.info('listening', { stream: streamBound.port, webhook: webhookBound.port, admin: adminBound.port });
  if ((await running) === 'lost') await endAfterLoss(log, shutdown.begin);
}

function openAuthorities(client: KubeClient, { namespace }: OperatorConfig): { readonly authorities: Authorities; readonly servingAuthorities: Authorities; readonly peerAuthorities: Authorities } {
  const shared = { client, namespace, policy: { trustDelayMs: TRUST_DELAY_MS, leafLifetimeMs: LEAF_LIFETIME_MS }, clock: systemScheduler };
  return {
    authorities: createAuthorities({ ...shared, name: 'mcpgateway-authorities', commonName: 'mcpgateway operator authority' }),
    servingAuthorities: createAuthorities({ ...shared, name: 'mcpgateway-serving-authorities', commonName: 'mcpgateway serving authority' }),
    peerAuthorities: createAuthorities({ ...shared, name: 'mcpgateway-peer-authorities', commonName: 'mcpgateway peer authority' }),
  };
}

/** Judged by what is known at the moment of signing, not by what was published last. */
function publicHostsOf(view: ClusterView, configFile: ConfigFile): (server: MCPServer) => readonly string[] {
  const namespaceLabels = (name: string): Readonly<Record<string, string>> | undefined => view.namespaces.get(undefined, name)?.labels;
  return (server) => publicHosts(server, { servers: view.servers.list().map(({ object }) => object), namespaceLabels, config: configFile.current() });
}

interface IssuerSettings extends Readonly<Record<'serving' | 'peer', () => RotationPlan<Authority>>> {
  readonly publicHosts: (server: MCPServer) => readonly string[];
}

function certificateIssuers({ client, view: { servers } }: { readonly client: KubeClient; readonly view: ClusterView }, { publicHosts: hostsOf, serving, peer }: IssuerSettings): ReadonlyMap<StreamEndpoint, CertificateIssuer> {
  const serverOf = ({ namespace, name }: ServerName): MCPServer | undefined => servers.get(namespace, name)?.object;
  return new Map<StreamEndpoint, CertificateIssuer>([
    ['certificates', createCertificateIssuer({ client, serverOf, publicHosts: hostsOf, authorities: serving, clock: systemScheduler })],
    ['peercertificates', createPeerCertificateIssuer({ serverUidOf: (server) => serverOf(server)?.metadata.uid, authorities: peer, clock: systemScheduler })],
  ]);
}

function knownPod(pod: GuardedPod | undefined): KnownPod | undefined {
  return pod?.isLive === true ? { uid: pod.uid, server: pod.server } : undefined;
}

async function trustWebhook({ client, config, log }: { readonly client: KubeClient; readonly config: OperatorConfig; readonly log: Logger }, trust: RotationPlan<Authority>, signal: AbortSignal): Promise<void> {
  const configuration = config.webhookConfiguration;
  const outcome = await publishWebhookTrust(client, configuration, trustedPem(trust), signal);
  if (outcome === 'written') log.info('webhook trust written', { configuration });
  if (outcome === 'missing') log.warn('no webhook configuration: pods are not guarded', { configuration });
}

/** An API server that is slow must not put what was read earlier in the place of what was read later. */
function onceAtATime(work: () => Promise<void>): () => void {
  let isBusy = false;
  return () => {
    if (isBusy) return;
    isBusy = true;
    void work().finally(() => {
      isBusy = false;
    });
  };
}

/** Another replica leads now: what this one still believes of its own writes may be wrong. */
async function endAfterLoss(log: Logger, begin: (reason: string) => Promise<void>): Promise<void> {
  log.error('leadership lost, the process ends');
  process.exitCode = EXIT_FAILED;
  await begin('leadership lost');
}

/** "Cannot know" is not "there is none". */
function knownServers({ servers }: ClusterView): InjectorDeps['serverOf'] {
  return async (namespace, name) => {
    if (!servers.hasSynced()) throw new Error('the servers are not known yet');
    return servers.get(namespace, name)?.object;
  };
}

function openCertificate(trust: RotationPlan<Authority>, { names }: OperatorConfig): Promise<OwnCertificate> {
  const ipAddresses = names.filter((name) => isIP(name) !== 0);
  return openOwnCertificate(trust, { dnsNames: names.filter((name) => isIP(name) === 0), ipAddresses, clock: systemScheduler, lifetimeMs: LEAF_LIFETIME_MS });
}

function tlsOf({ certificatePem, privateKeyPem }: ServingPair): { cert: string; key: string } {
  return { cert: certificatePem, key: privateKeyPem };
}

try {
  await run(readOperatorConfig(process.env));
} catch (cause) {
  const lines = cause instanceof ConfigError ? cause.problems : [cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)];
  for (const line of lines) process.stderr.write(`mcpgateway-operator: ${line}\n`);
  process.exit(cause instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED);
}
