/** The real sidecar inside the test's process, fed with bundles by hand: real sockets, audit lines as objects. */
import { Writable } from 'node:stream';
import type { Bundle } from '../../api/bundle.ts';
import { createLogger } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Clock } from '../../runtime/clock.ts';
import { createAuditLog } from '../../sidecar/audit/log.ts';
import { createSidecarMetrics } from '../../sidecar/metrics.ts';
import { createRecorder } from '../../sidecar/recorder.ts';
import { createSidecar } from '../../sidecar/server.ts';
import { createCurrentSnapshot } from '../../sidecar/snapshot/current.ts';
import { buildSnapshot } from '../../sidecar/snapshot/snapshot.ts';
import type { UpstreamHeader } from '../../sidecar/snapshot/snapshot.ts';
import type { Holder } from '../../sidecar/session/holder.ts';
import type { TlsMaterial } from '../../sidecar/tls-files.ts';

export type AuditRecord = Readonly<Record<string, unknown>>;

export interface TestSidecar {
  readonly port: number;
  /** Swaps what is served, whole. */
  publish(bundles: readonly Bundle[], upstreamHeaders?: readonly UpstreamHeader[] | 'missing'): void;
  withdraw(): void;
  /** The first record of that kind, past or future. */
  audited(wanted: (record: AuditRecord) => boolean): Promise<AuditRecord>;
  readonly records: readonly AuditRecord[];
  readonly auditText: () => string;
  readonly logText: () => string;
  metricsText(): Promise<string>;
  setTls(material: TlsMaterial): void;
  setPeerCertificate(certificate: TlsMaterial): void;
  stop(graceMs?: number): Promise<void>;
}

export interface SidecarSettings {
  /** Absent: nothing is published yet. */
  readonly bundles?: readonly Bundle[];
  readonly upstreamHeaders?: readonly UpstreamHeader[] | 'missing';
  readonly tls?: TlsMaterial;
  readonly clock?: Clock;
  readonly maxBodyBytes?: number;
  readonly maxConnections?: number;
  readonly allowedHosts?: readonly string[];
  readonly allowedOrigins?: readonly string[];
  /** It is in a pod, one of several. */
  readonly peers?: { readonly self: Holder; readonly port: number };
}

export async function startSidecar(settings: SidecarSettings): Promise<TestSidecar> {
  const clock = settings.clock ?? systemClock;
  const audit = captureAudit();
  const logged: string[] = [];
  const log = createLogger({ level: 'debug', stream: new Writable({ write: (chunk: Buffer, _encoding, done) => { logged.push(chunk.toString()); done(); } }) });
  const registry = createMetrics();
  const metrics = createSidecarMetrics(registry, clock);
  const auditLog = createAuditLog({
    write: audit.write,
    clock,
    gateway: { instance: 'test', version: '0' },
    observer: metrics.audit,
    limits: { flushMs: 1, maxQueueBytes: 1_048_576, unauthenticatedPerPeerPerMinute: 1000 },
  });
  const current = createCurrentSnapshot();
  const sidecar = createSidecar({
    current,
    clock,
    recorder: createRecorder({ audit: auditLog, metrics, log, clock }),
    listener: {
      address: '127.0.0.1',
      port: 0,
      maxConnections: settings.maxConnections ?? 10_000,
      ...(settings.tls === undefined ? {} : { tls: settings.tls }),
    },
    pipeline: {
      maxBodyBytes: settings.maxBodyBytes ?? 4_194_304,
      allowedHosts: new Set(settings.allowedHosts ?? ['localhost', '127.0.0.1']),
      allowedOrigins: new Set(settings.allowedOrigins ?? []),
    },
    ...(settings.peers === undefined ? {} : { peers: { ...settings.peers, maxConnections: 1_000 } }),
  });
  const publish: TestSidecar['publish'] = (bundles, upstreamHeaders = []) => {
    const headers = upstreamHeaders === 'missing' ? undefined : upstreamHeaders;
    current.publish(buildSnapshot(bundles.map((bundle) => ({ bundle, upstreamHeaders: headers })), []));
  };
  if (settings.bundles !== undefined) publish(settings.bundles, settings.upstreamHeaders);
  const { port } = await sidecar.start();
  return {
    port,
    publish,
    withdraw: () => current.withdraw(),
    records: audit.records,
    audited: audit.audited,
    auditText: () => audit.text(),
    logText: () => logged.join(''),
    metricsText: async () => (await registry.render()).text,
    setTls: (material) => sidecar.setTls(material),
    setPeerCertificate: (certificate) => sidecar.setPeerCertificate(certificate),
    async stop(graceMs = 0) {
      await sidecar.drain(graceMs);
      await auditLog.close();
    },
  };
}

interface AuditCapture {
  readonly write: (chunk: string, done: (error?: Error | null) => void) => void;
  readonly records: AuditRecord[];
  text(): string;
  audited(wanted: (record: AuditRecord) => boolean): Promise<AuditRecord>;
}

function captureAudit(): AuditCapture {
  const records: AuditRecord[] = [];
  const lines: string[] = [];
  let waiting: { wanted: (record: AuditRecord) => boolean; resolve: (record: AuditRecord) => void }[] = [];
  return {
    records,
    text: () => lines.join('\n'),
    write(chunk, done) {
      for (const line of chunk.split('\n').filter((text) => text !== '')) {
        lines.push(line);
        const record = JSON.parse(line) as AuditRecord;
        records.push(record);
        for (const waiter of waiting) if (waiter.wanted(record)) waiter.resolve(record);
        waiting = waiting.filter((waiter) => !waiter.wanted(record));
      }
      done();
    },
    audited(wanted) {
      const known = records.find(wanted);
      return known === undefined ? new Promise((resolve) => waiting.push({ wanted, resolve })) : Promise.resolve(known);
    },
  };
}
