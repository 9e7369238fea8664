/** What a sidecar in a pod is told by its environment. The webhook writes it; nobody else has a say. */
import { ENVIRONMENT } from '../api/sidecar-environment.ts';
import { WireError } from '../api/wire-shape.ts';
import { parseServerProbes } from '../api/server-probes.ts';
import type { ServerProbes } from '../api/server-probes.ts';
import { ConfigError } from '../core/config-error.ts';
import { LOG_LEVELS } from '../runtime/log.ts';
import type { LogLevel } from '../runtime/log.ts';
import type { GatewaySettings } from './gateway.ts';
import { isPodIp, isPodUid } from './session/holder.ts';
import type { Holder } from './session/holder.ts';

export interface SidecarConfig {
  readonly namespace: string;
  readonly server: string;
  readonly podName: string;
  /** All addresses of the pod. */
  readonly podIps: readonly string[];
  readonly logLevel: LogLevel;
  /** Name that resolves to every replica of the operator and that their certificates bear, and their port. */
  readonly operator: { readonly host: string; readonly port: number };
  readonly timing: SidecarTiming;
  readonly directories: { readonly identity: string; readonly authorities: string; readonly bundle: string; readonly tls: string; readonly secrets: string };
  /** This pod among those of its server, and the port on which their sidecars reach each other. */
  readonly peer: { readonly self: Holder; readonly port: number };
  /** Whether the operator issues what the listener serves with. */
  readonly isCertificateIssued: boolean;
  /** Listener and admin port, in the form that the standalone gateway has from its file. */
  readonly gateway: GatewaySettings;
  /** What the server is asked in the kubelet's stead. */
  readonly probes: ServerProbes;
}

export interface SidecarTiming {
  /** A replica that says nothing for this long is given up. */
  readonly silenceMs: number;
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
  readonly resolveEveryMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const TIMING: SidecarTiming = { silenceMs: 10_000, backoff: { minMs: 200, maxMs: 10_000 }, resolveEveryMs: 2_000 };
const MAX_CONNECTIONS = 10_000;
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const LONGEST_DRAIN_SECONDS = 25;
const UNAUTHENTICATED_PER_PEER_PER_MINUTE = 60;

/** Throws a ConfigError with every problem. Touches nothing but `env`. */
export function readSidecarConfig(env: Environment): SidecarConfig {
  const problems: string[] = [];
  const text = (name: string): string => {
    const value = env[name] ?? '';
    if (value === '') problems.push(`${name}: is required`);
    return value;
  };
  const upTo = (most: number, what: string, [name, value]: readonly [string, string]): number => {
    const number = /^[0-9]{1,5}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number <= most)) problems.push(`${name}: must be ${what}`);
    return number;
  };
  const port = (name: string, value = text(name)): number => upTo(65_535, 'a port', [name, value]);
  const operatorAddress = text(ENVIRONMENT.operatorAddress);
  const colon = operatorAddress.lastIndexOf(':');
  const logLevel = LOG_LEVELS.find((level) => level === env[ENVIRONMENT.logLevel]);
  if (logLevel === undefined) problems.push(`${ENVIRONMENT.logLevel}: must be one of ${LOG_LEVELS.join(', ')}`);
  const podIps = text(ENVIRONMENT.podIps).split(',');
  if (podIps.some((each) => each !== '' && !isPodIp(each))) problems.push(`${ENVIRONMENT.podIps}: must be IP addresses`);
  // A node without IPv6 has no socket for it; with it, `::` takes both.
  const address = podIps.some((each) => each.includes(':')) ? '::' : '0.0.0.0';
  const [ip = ''] = podIps;
  const podUid = text(ENVIRONMENT.podUid);
  if (!isPodUid(podUid)) problems.push(`${ENVIRONMENT.podUid}: must be a UUID`);
  const tls = text(ENVIRONMENT.tlsDirectory);
  const secrets = text(ENVIRONMENT.secretsDirectory);
  const isCertificateIssued = text(ENVIRONMENT.certificateSource) !== 'Secret';
  const serving = isCertificateIssued ? tls : `${secrets}/serving`;
  const drainSeconds = upTo(LONGEST_DRAIN_SECONDS, `a number up to ${LONGEST_DRAIN_SECONDS}`, [ENVIRONMENT.drainSeconds, env[ENVIRONMENT.drainSeconds] ?? String(LONGEST_DRAIN_SECONDS)]);
  const ports = { https: port(ENVIRONMENT.httpsPort), peer: port(ENVIRONMENT.peerPort), admin: port(ENVIRONMENT.adminPort) };
  const config: SidecarConfig = {
    namespace: text(ENVIRONMENT.namespace),
    server: text(ENVIRONMENT.server),
    podName: text(ENVIRONMENT.podName),
    podIps,
    logLevel: logLevel ?? 'info',
    operator: { host: operatorAddress.slice(0, colon), port: port(ENVIRONMENT.operatorAddress, operatorAddress.slice(colon + 1)) },
    timing: TIMING,
    isCertificateIssued,
    directories: {
      identity: text(ENVIRONMENT.identityDirectory),
      authorities: text(ENVIRONMENT.authoritiesDirectory),
      bundle: text(ENVIRONMENT.bundleDirectory),
      tls,
      secrets,
    },
    probes: readProbes(env[ENVIRONMENT.probes], ports, problems),
    peer: { self: { podUid, ip }, port: ports.peer },
    gateway: {
      listener: {
        address,
        port: ports.https,
        plainHTTP: false,
        tls: { certFile: `${serving}/tls.crt`, keyFile: `${serving}/tls.key` },
        allowedHosts: text(ENVIRONMENT.hosts).split(','),
        allowedOrigins: [],
        maxConnections: MAX_CONNECTIONS,
        maxBodyBytes: MAX_BODY_BYTES,
        drainSeconds,
      },
      admin: { address, port: ports.admin },
      audit: { unauthenticatedPerPeerPerMinute: UNAUTHENTICATED_PER_PEER_PER_MINUTE },
    },
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** One that asked the sidecar itself would never end. */
function readProbes(text: string | undefined, ports: Readonly<Record<'https' | 'peer' | 'admin', number>>, problems: string[]): ServerProbes {
  if (text === undefined) return { port: 0, probes: [] };
  try {
    const probes = parseServerProbes(text);
    if (!Object.values(ports).includes(probes.port)) return probes;
    problems.push(`${ENVIRONMENT.probes}: port: must not be a port of the sidecar`);
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    problems.push(`${ENVIRONMENT.probes}: ${cause.message}`);
  }
  return { port: 0, probes: [] };
}
