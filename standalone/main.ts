/** `mcpgateway serve`: reads its configuration, builds the gateway, starts it, drains it on a signal. */
import { randomBytes } from 'node:crypto';
import { ConfigError } from '../core/config-error.ts';
import { createGatewayConfigParser } from '../manifest/gateway-config.ts';
import { createManifestLoader } from '../manifest/load.ts';
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { createShutdown } from '../runtime/shutdown.ts';
import { createAuditLog } from '../sidecar/audit/log.ts';
import { createGateway } from '../sidecar/gateway.ts';
import { createSidecarMetrics } from '../sidecar/metrics.ts';
import { servedBundles } from '../sidecar/served.ts';
import { createCurrentSnapshot } from '../sidecar/snapshot/current.ts';
import { readServeConfig, USAGE } from './config.ts';
import type { ServeConfig } from './config.ts';
import { createDirectorySource } from './directory-source.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 64;
const AUDIT_FLUSH_MS = 10;
const AUDIT_QUEUE_BYTES = 16 * 1024 * 1024;
/** Above the largest drain that gateway-config.json allows, so that the drain is what ends first. */
const SHUTDOWN_GRACE_MS = 310_000;

async function serve(config: ServeConfig): Promise<void> {
  // Whoever reads the records or the log may go away: what cannot be written is counted, and nobody is refused for it.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const clock = systemClock;
  const log = createLogger({ level: config.logLevel });
  const registry = createMetrics({ processMetrics: true });
  const metrics = createSidecarMetrics(registry, clock);
  const gateway = createGateway({
    directory: config.directory,
    current: createCurrentSnapshot(),
    clock,
    log,
    registry,
    metrics,
    createAudit: ({ audit }) =>
      createAuditLog({
        // Lines are ASCII, and Latin-1 is written without a look at each character.
        write: (chunk, written) => process.stdout.write(chunk, 'latin1', written),
        clock,
        gateway: { instance: `standalone-${process.pid}`, version: '0.1.0' },
        observer: metrics.audit,
        limits: { flushMs: AUDIT_FLUSH_MS, maxQueueBytes: AUDIT_QUEUE_BYTES, ...audit },
      }),
  });
  const source = createDirectorySource({
    directory: config.directory,
    stateDirectory: config.stateDirectory,
    loader: createManifestLoader(),
    parseConfig: createGatewayConfigParser(),
    clock,
    randomBytes,
    log,
    onState: ({ bundles, secrets, ...state }) => gateway.apply({ ...state, served: servedBundles(bundles, secrets) }),
    onConfirmed: () => metrics.policyConfirmed(),
  });
  const shutdown = createShutdown({
    signals: ['SIGTERM', 'SIGINT'],
    graceMs: SHUTDOWN_GRACE_MS,
    log,
    exit: (code) => process.exit(code),
    source: process,
  });
  shutdown.addCloser('gateway', () => gateway.stop());
  shutdown.addCloser('directory', () => source.stop());
  try {
    await source.start();
    log.info('listening', await gateway.start());
    releaseStartupMemory();
  } catch (cause) {
    await source.stop();
    throw cause;
  }
}

/** Loading and compiling leave the heap at several times what serving needs, and an idle process never shrinks it. */
function releaseStartupMemory(): void {
  setImmediate(() => {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  });
}

try {
  const invocation = readServeConfig(process.argv.slice(2), [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(' ')]);
  if (invocation.kind === 'help') process.stdout.write(USAGE);
  else await serve(invocation);
} catch (cause) {
  const lines = cause instanceof ConfigError ? cause.problems : [cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)];
  for (const line of lines) process.stderr.write(`mcpgateway: ${line}\n`);
  process.exit(cause instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED);
}
