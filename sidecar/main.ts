/** The sidecar of a pod as a process: reads its configuration, follows the operator, guards one server, drains on a signal. */
import { lookup } from 'node:dns/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bundle } from '../api/bundle.ts';
import { ConfigError } from '../core/config-error.ts';
import type { Clock } from '../runtime/clock.ts';
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/log.ts';
import type { Logger } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { createShutdown } from '../runtime/shutdown.ts';
import { createTryConnect } from '../runtime/try-connect.ts';
import { createAuditLog } from './audit/log.ts';
import type { AuditLogOptions } from './audit/log.ts';
import { readSidecarConfig } from './config.ts';
import type { SidecarConfig } from './config.ts';
import { createExposureProbe } from './exposure-probe.ts';
import { createGateway } from './gateway.ts';
import type { GatewayDeps } from './gateway.ts';
import { createSidecarMetrics } from './metrics.ts';
import { createIssuedCertificate } from './issued-certificate.ts';
import type { IssuedCertificate } from './issued-certificate.ts';
import { createMountedSecrets } from './mounted-secrets.ts';
import { isOfPod } from './peer/peer-trust.ts';
import { requestCertificate } from './request-certificate.ts';
import type { CertificateRequestSettings } from './request-certificate.ts';
import { servedBundles } from './served.ts';
import { createServerProbes } from './server-probes.ts';
import { createCurrentSnapshot } from './snapshot/current.ts';
import { createOperatorSource } from './snapshot/operator-source.ts';
import { createUsageReporter } from './usage/reporter.ts';
import { createUsageTally } from './usage/tally.ts';
import type { TlsMaterial } from './tls-files.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 64;
const AUDIT_FLUSH_MS = 10;
const AUDIT_QUEUE_BYTES = 16 * 1024 * 1024;
/** Beside the drain: for the rest of the audit log and the last report of usage. */
const CLOSING_MS = 3_000;
/** Of an attempt to reach the server of this pod. */
const CONNECT_DEADLINE_MS = 3_000;
const USAGE_EVERY_MS = 10_000;
/** A replica that is slow must not keep the pod from ending. */
const LAST_REPORT_MS = 2_000;
const CERTIFICATE_RETRY_MS = { least: 250, most: 10_000 } as const;
const PEER_CERTIFICATE_WAIT_MS = 3_000;
const VERSION = '0.1.0';

async function run(config: SidecarConfig): Promise<void> {
  // Whoever reads the records or the log may go away: what cannot be written is counted, and nobody is refused for it.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const { directories, namespace } = config;
  const log = createLogger({ level: config.logLevel });
  const registry = createMetrics({ processMetrics: true });
  const shutdown = createShutdown({ signals: ['SIGTERM', 'SIGINT'], graceMs: config.gateway.listener.drainSeconds * 1000 + CLOSING_MS, log, exit: (code) => process.exit(code), source: process });
  /** What was said last; `undefined`: nothing, or that the server is gone. */
  let bundle: Bundle | undefined;
  let isStale = true;
  const restored = Promise.withResolvers<void>();

  const operator = operatorOf(config);
  const source = createOperatorSource(
    { ...operator, ...config.timing, directory: directories.bundle },
    {
      clock: systemClock, log,
      resolve: operator.resolve,
      onBundle(next) {
        bundle = next;
        enforce();
        exposure.bundleChanged();
      },
      onStale(stale) {
        isStale = stale;
        enforce();
        restored.resolve();
      },
      onRetracted() {
        bundle = undefined;
        enforce();
      },
    },
  );
  const exposure = createExposureProbe({
    podIps: config.podIps,
    port: () => bundle?.upstream.port,
    tryConnect: createTryConnect(CONNECT_DEADLINE_MS),
    report: (report) => source.reportExposure(report),
    pause: (delayMs, signal) => sleep(delayMs, undefined, { signal }).catch(() => undefined),
  });
  const clock: Clock = { ...systemClock, nowMs: () => source.clock.nowMs() };
  const metrics = createSidecarMetrics(registry, clock);
  const tally = createUsageTally();
  const usage = createUsageReporter({ tally, receivers: source.receivers, clock, log, everyMs: USAGE_EVERY_MS });
  const gateway = createGateway({
    directory: directories.secrets,
    current: createCurrentSnapshot(),
    clock, log, registry, metrics,
    answers: createServerProbes(config.probes),
    usage: tally,
    peers: config.peer,
    createAudit: auditOf(config, { clock, observer: metrics.audit }),
  });
  const peerCertificate = createPeerCertificate(config, operator, { log, policy: () => bundle, obtained: (pair) => gateway.setPeerCertificate(pair) });
  const secrets = createMountedSecrets({ directory: directories.secrets, namespace, clock: systemClock, log, onChange: () => enforce() });

  /** The one place that decides what requests are judged by. */
  function enforce(): void {
    peerCertificate.reconsider();
    if (bundle === undefined || isStale) return gateway.withdraw();
    gateway.apply({ config: config.gateway, served: servedBundles([bundle], secrets.lookup), refused: [], problems: [] });
    metrics.policyConfirmed();
  }

  gateway.apply({ config: config.gateway, served: [], refused: [], problems: [] });
  enforce();
  await secrets.start();
  // To the end of the drain: calls that still run are subject to a revocation, and their use is reported.
  const drained = new AbortController();
  const following = source.run(drained.signal);
  // What was in force before a restart is in force again before the first call is let in.
  await Promise.race([restored.promise, following]);
  await serveWith(config, operator, { log, signal: shutdown.signal });
  // Without it a session of another pod is unknown here, and that is no reason to serve nobody.
  const provable = peerCertificate.obtain(shutdown.signal);
  void provable.then(() => peerCertificate.keep(shutdown.signal));
  await Promise.race([provable, sleep(PEER_CERTIFICATE_WAIT_MS, undefined, { ref: false })]);
  shutdown.addCloser('gateway', () => gateway.stop());
  shutdown.addCloser('usage', (remainingMs) => Promise.race([usage.stop(), sleep(Math.min(remainingMs / 2, LAST_REPORT_MS))]));
  shutdown.addCloser('operator', () => {
    drained.abort();
    return following;
  });
  shutdown.addCloser('secrets', () => secrets.stop());
  void exposure.run(shutdown.signal);
  usage.start();
  log.info('listening', await gateway.start());
}

/** Where the replicas of the operator are, and how each side proves who it is. */
function operatorOf({ namespace, server, operator: { host, port }, directories }: SidecarConfig) {
  return {
    server: { namespace, name: server },
    port,
    tlsName: host,
    caFile: join(directories.authorities, 'ca.crt'),
    tokenFile: join(directories.identity, 'token'),
    resolve: async () => (await lookup(host, { all: true })).map(({ address }) => address),
  };
}

function auditOf({ namespace, podName }: SidecarConfig, deps: Pick<AuditLogOptions, 'clock' | 'observer'>): GatewayDeps['createAudit'] {
  return ({ audit }) =>
    createAuditLog({
      ...deps,
      // Lines are ASCII, and Latin-1 is written without a look at each character.
      write: (chunk, written) => process.stdout.write(chunk, 'latin1', written),
      gateway: { instance: `${namespace}/${podName}`, version: VERSION },
      limits: { flushMs: AUDIT_FLUSH_MS, maxQueueBytes: AUDIT_QUEUE_BYTES, ...audit },
    });
}

interface PeerCertificateDeps {
  readonly log: Logger;
  readonly policy: () => Bundle | undefined;
  readonly obtained: (pair: TlsMaterial) => void;
}

function createPeerCertificate({ directories: { tls }, peer }: SidecarConfig, operator: CertificateRequestSettings, { log, policy, obtained }: PeerCertificateDeps): IssuedCertificate {
  return createIssuedCertificate({
    purpose: 'peer',
    files: { certFile: join(tls, 'peer.crt'), keyFile: join(tls, 'peer.key') },
    request: (publicKeyPem, aborted) => requestCertificate(operator, { endpoint: 'peercertificates', publicKeyPem }, aborted),
    // A server that was made anew has another UID, and authorities may have been made anew too.
    suits(certificate) {
      const bundle = policy();
      return bundle === undefined || isOfPod(certificate, { serverUid: bundle.server.uid, podUid: peer.self.podUid, authorities: bundle.peerAuthorities }, systemClock.nowMs());
    },
    obtained,
    clock: systemClock,
    log,
    retryMs: CERTIFICATE_RETRY_MS,
  });
}

/** Before anything is listened on: there is no listener without a certificate. */
async function serveWith({ isCertificateIssued, gateway }: SidecarConfig, operator: CertificateRequestSettings, { log, signal }: { readonly log: Logger; readonly signal: AbortSignal }): Promise<void> {
  const { tls } = gateway.listener;
  if (!isCertificateIssued || tls === undefined) return;
  const certificate = createIssuedCertificate({
    purpose: 'serving',
    files: tls,
    request: (publicKeyPem, aborted) => requestCertificate(operator, { endpoint: 'certificates', publicKeyPem }, aborted),
    // The listener reads the files again by itself.
    obtained: () => undefined,
    clock: systemClock,
    log,
    retryMs: CERTIFICATE_RETRY_MS,
  });
  await certificate.obtain(signal);
  void certificate.keep(signal);
}

try {
  await run(readSidecarConfig(process.env));
} catch (cause) {
  const lines = cause instanceof ConfigError ? cause.problems : [cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)];
  for (const line of lines) process.stderr.write(`mcpgateway-sidecar: ${line}\n`);
  process.exit(cause instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED);
}
