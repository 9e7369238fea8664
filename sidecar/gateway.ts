/** One process that guards servers: sidecar, admin port and audit log together, fed with one state after the other. */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import { ConfigError } from '../core/config-error.ts';
import type { AdminServer } from '../runtime/admin-server.ts';
import { createAdminServer } from '../runtime/admin-server.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { AuditLog } from './audit/log.ts';
import type { SidecarMetrics } from './metrics.ts';
import type { PeerSettings } from './peer/peers.ts';
import { createRecorder } from './recorder.ts';
import type { Sidecar } from './server.ts';
import type { ProbeAnswers } from './server-probes.ts';
import { createSidecar } from './server.ts';
import type { CurrentSnapshot } from './snapshot/current.ts';
import { buildSnapshot } from './snapshot/snapshot.ts';
import type { RefusedServer, ServedBundle, Snapshot } from './snapshot/snapshot.ts';
import { readTlsFiles, TlsFileError, watchTlsFiles } from './tls-files.ts';
import type { TlsFiles, TlsMaterial } from './tls-files.ts';
import type { UsageCounter } from './usage/tally.ts';

/** Of gateway-config.json what a process that guards servers goes by; in a pod the operator has the rest. */
export type GatewaySettings = Pick<GatewayConfig, 'listener' | 'admin' | 'audit'>;

/** What is to be served, and everything that is wrong with what was declared. */
export interface GatewayState {
  /** The last good one; `undefined` until there was one. */
  readonly config: GatewaySettings | undefined;
  readonly served: readonly ServedBundle[];
  readonly refused: readonly RefusedServer[];
  readonly problems: readonly string[];
}

export interface GatewayDeps {
  /** Paths of the configuration are relative to it. */
  readonly directory: string;
  readonly current: CurrentSnapshot;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Metrics;
  readonly metrics: SidecarMetrics;
  /** Further paths of the admin port. */
  readonly answers?: ProbeAnswers;
  createAudit(config: GatewaySettings): AuditLog;
  /** Absent: nobody asks what was done with tokens. */
  readonly usage?: UsageCounter;
  /** Absent: there is one gateway. */
  readonly peers?: Omit<PeerSettings, 'maxConnections'>;
}

export interface Gateway {
  /** Puts a state in force before it returns. */
  apply(state: GatewayState): void;
  /** Denies everything with 503 and cuts what is open, until a state is applied: nobody knows what is allowed now. */
  withdraw(): void;
  /** What it proves itself with to the other sidecars of its server, now or once it has started. */
  setPeerCertificate(certificate: TlsMaterial): void;
  /** Listens with the settings of the first good configuration; throws ConfigError without one. */
  start(): Promise<{ readonly address: string; readonly port: number; readonly admin: string }>;
  stop(): Promise<void>;
}

const AUDIT_CLOSE_MS = 3_000;
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
const LOOPBACK_ADDRESS = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;

export function createGateway(deps: GatewayDeps): Gateway {
  const { current, log, metrics } = deps;
  let state: GatewayState | undefined;
  let started: Started | undefined;
  let peerCertificate: TlsMaterial | undefined;
  return {
    apply(next) {
      if (started !== undefined) warnOfListenerChange(started.config, next.config, log);
      state = next;
      metrics.configProblems(next.problems.length);
      const snapshot = buildSnapshot(next.served, next.refused, current.get());
      current.publish(snapshot);
      if (started !== undefined) recordPolicy(started.audit, snapshot, next);
    },
    withdraw: () => current.withdraw(),
    setPeerCertificate(certificate) {
      peerCertificate = certificate;
      started?.sidecar.setPeerCertificate(certificate);
    },
    async start() {
      if (state?.config === undefined) throw new ConfigError(state?.problems ?? ['the configuration has not been read']);
      started = await startListening(deps, state.config);
      if (peerCertificate !== undefined) started.sidecar.setPeerCertificate(peerCertificate);
      const snapshot = current.get();
      if (snapshot !== undefined) recordPolicy(started.audit, snapshot, state);
      return started.addresses;
    },
    async stop() {
      if (started === undefined) return;
      started.draining = true;
      started.stopTls();
      await started.sidecar.drain(started.config.listener.drainSeconds * 1000);
      await started.admin.stop();
      await closeAudit(started.audit, log);
    },
  };
}

/** A reader that has stopped must keep neither the process nor what is still to be saved waiting. */
async function closeAudit(audit: AuditLog, log: Logger): Promise<void> {
  const isClosed = await Promise.race([audit.close().then(() => true), sleep(AUDIT_CLOSE_MS, false, { ref: false })]);
  if (!isClosed) log.error('the audit log was not written to its end: nobody reads it', { waitedMs: AUDIT_CLOSE_MS });
}

function recordPolicy(audit: AuditLog, { revision, servers }: Snapshot, { problems }: GatewayState): void {
  audit.event({ kind: 'snapshot.applied', revision, servers: servers.size, problems: problems.length });
}

interface Address {
  readonly address: string;
  readonly port: number;
}

interface Started {
  readonly config: GatewaySettings;
  readonly audit: AuditLog;
  readonly sidecar: Sidecar;
  readonly admin: AdminServer;
  readonly addresses: { readonly address: string; readonly port: number; readonly admin: string };
  readonly stopTls: () => void;
  draining: boolean;
}

async function startListening(deps: GatewayDeps, config: GatewaySettings): Promise<Started> {
  const { current, clock, log, metrics, registry } = deps;
  const { listener, admin: adminConfig } = config;
  const files = tlsFilesOf(config, deps.directory);
  const tls = files === undefined ? undefined : requireTls(files, clock);
  const audit = deps.createAudit(config);
  const sidecar = createSidecar({
    current,
    clock,
    recorder: createRecorder({ audit, metrics, log, clock, usage: deps.usage }),
    listener: {
      address: listener.address,
      port: listener.port,
      maxConnections: listener.maxConnections,
      ...(tls === undefined ? {} : { tls }),
    },
    pipeline: {
      maxBodyBytes: listener.maxBodyBytes,
      allowedHosts: admittedHosts(config),
      allowedOrigins: new Set(listener.allowedOrigins),
    },
    ...(deps.peers === undefined ? {} : { peers: { ...deps.peers, maxConnections: listener.maxConnections } }),
  });
  const status = { draining: false };
  const admin = createAdminServer({
    address: adminConfig.address,
    port: adminConfig.port,
    metrics: registry,
    ...(deps.answers === undefined ? {} : { answers: deps.answers }),
    live: () => true,
    ready: () => ({ ready: !status.draining && current.get() !== undefined, reasons: status.draining ? ['draining'] : [] }),
  });
  const [bound, adminBound] = await startBoth(sidecar, admin, audit);
  const watcher =
    files === undefined || tls === undefined
      ? undefined
      : watchTlsFiles(tls, {
          files,
          nowMs: () => clock.nowMs(),
          changed(material) {
            sidecar.setTls(material);
            log.info('serving certificate replaced', { certFile: files.certFile });
          },
          refused: (cause) => log.error('serving certificate refused, the last good one stays', { problem: cause.message }),
        });
  return Object.assign(status, {
    config,
    audit,
    sidecar,
    admin,
    addresses: { ...bound, admin: `http://${adminBound.address}:${adminBound.port}` },
    stopTls: () => watcher?.stop(),
  });
}

/** Both or neither: a port that is taken leaves nothing listening. */
async function startBoth(sidecar: Sidecar, admin: AdminServer, audit: AuditLog): Promise<[Address, Address]> {
  try {
    return [await sidecar.start(), await admin.start()];
  } catch (cause) {
    await sidecar.drain(0);
    await audit.close();
    throw cause;
  }
}

/** The names of the loopback interface where that is what is listened on; the hosts of public URLs come with them. */
function admittedHosts({ listener: { address, allowedHosts } }: GatewaySettings): ReadonlySet<string> {
  const own = LOOPBACK_ADDRESS.test(address) ? LOOPBACK_NAMES : [];
  return new Set([...own, ...allowedHosts.map((host) => host.toLowerCase())]);
}

function tlsFilesOf({ listener: { tls } }: GatewaySettings, directory: string): TlsFiles | undefined {
  if (tls === undefined) return undefined;
  return { certFile: resolve(directory, tls.certFile), keyFile: resolve(directory, tls.keyFile) };
}

function requireTls(files: TlsFiles, clock: Clock): TlsMaterial {
  try {
    return readTlsFiles(files, clock.nowMs());
  } catch (cause) {
    if (cause instanceof TlsFileError) throw new ConfigError([cause.message]);
    throw cause;
  }
}

/** Sockets and their limits are made once; what they were made with is what a restart is needed for. */
function warnOfListenerChange(running: GatewaySettings, next: GatewaySettings | undefined, log: Logger): void {
  if (next === undefined) return;
  const settings = ({ listener, admin, audit }: GatewaySettings): string => JSON.stringify({ listener, admin, audit });
  if (settings(running) !== settings(next)) {
    log.warn('listener, admin and audit settings of gateway-config.json take effect at the next start');
  }
}
