/**
 * Where the address and the credentials of the API server come from, and the connections made with them. The client
 * library's own configuration would open a connection per request: here one pool serves as long as the TLS material
 * behind it is the same.
 */
import { createHash } from 'node:crypto';
import type { AgentOptions } from 'node:https';
import { type Cluster, HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { ConfigError } from '../../core/config-error.ts';

export type KubeConfigSource =
  /** The service account of this pod. */
  | { readonly type: 'InCluster' }
  | { readonly type: 'File'; readonly path: string; readonly context?: string }
  | { readonly type: 'Text'; readonly yaml: string; readonly context?: string }
  /** As kubectl finds it: KUBECONFIG, the home directory, then the cluster around this process. */
  | { readonly type: 'Default'; readonly context?: string };

export type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;

export interface Connection {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Host and port, as a metric label. */
  readonly host: string;
  /** What the address has before `/api`; empty, or without a slash at its end. */
  readonly basePath: string;
  /** The pool and the credential headers to use for one request, now: both change when files do. */
  access(): Promise<{ readonly dispatcher: Dispatcher; readonly headers: Readonly<Record<string, string>> }>;
  /** Cuts every connection. */
  close(): Promise<void>;
}

/** One pool for the present TLS material, one for requests that began just before it changed. */
const POOLS = 2;
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 };

/** Throws `ConfigError` if there is no cluster to talk to. */
export function createConnection(source: KubeConfigSource): Connection {
  const config = new VerifyingKubeConfig();
  load(config, source);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined || !URL.canParse(server)) {
    throw new ConfigError(['kubeConfig: the current context names no cluster with an address']);
  }
  const url = new URL(server);
  const pools = new Map<string, Dispatcher>();

  return {
    origin: url.origin,
    host: url.host,
    basePath: url.pathname.replace(/\/+$/, ''),
    async access() {
      const request = new PooledRequest(url.origin, config);
      await config.applySecurityAuthentication(request);
      return { dispatcher: pooled(pools, request), headers: request.getHeaders() };
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map((dispatcher) => dispatcher.destroy()));
    },
  };
}

function load(config: KubeConfig, source: KubeConfigSource): void {
  switch (source.type) {
    case 'InCluster':
      return config.loadFromCluster();
    case 'File':
      config.loadFromFile(source.path);
      break;
    case 'Text':
      config.loadFromString(source.yaml);
      break;
    case 'Default':
      config.loadFromDefault();
  }
  if (source.context !== undefined) config.setCurrentContext(source.context);
}

function pooled(pools: Map<string, Dispatcher>, { fingerprint, fresh }: PooledRequest): Dispatcher {
  const known = pools.get(fingerprint);
  if (known !== undefined) return known;
  if (fresh === undefined) throw new TypeError('the configuration made no dispatcher');
  pools.set(fingerprint, fresh);
  for (const [stale, dispatcher] of [...pools].slice(0, -POOLS)) {
    pools.delete(stale);
    // Waits for the watches on it, which end within minutes; nobody waits for that.
    dispatcher.close().catch(() => undefined);
  }
  return fresh;
}

type DispatcherOptions = ReturnType<KubeConfig['createDispatcherOptions']>;

class VerifyingKubeConfig extends KubeConfig {
  /** Of the TLS material that the last dispatcher was made from. */
  fingerprint = '';

  override createDispatcherOptions(cluster: Cluster | null, agentOptions: AgentOptions): DispatcherOptions {
    const options = verifying(super.createDispatcherOptions(cluster, agentOptions));
    this.fingerprint = createHash('sha256').update(JSON.stringify(options)).digest('base64');
    return options;
  }
}

/** Only the configuration may turn verification off: left open, an environment variable could. */
function verifying(options: DispatcherOptions): DispatcherOptions {
  switch (options.type) {
    case 'none':
      return { type: 'agent', connect: { rejectUnauthorized: true, ...KEEP_ALIVE } };
    case 'agent':
      return { ...options, connect: { rejectUnauthorized: true, ...options.connect } };
    case 'proxy':
    case 'socks':
      return { ...options, requestTls: { rejectUnauthorized: true, ...options.requestTls } };
  }
}

class PooledRequest extends RequestContext {
  fingerprint = '';
  fresh: Dispatcher | undefined;
  readonly #config: VerifyingKubeConfig;

  constructor(origin: string, config: VerifyingKubeConfig) {
    super(origin, HttpMethod.GET);
    this.#config = config;
  }

  /** Called in the same turn of the event loop in which the dispatcher was made, so the fingerprint is its own. */
  override setDispatcher(dispatcher: Dispatcher): void {
    this.fingerprint = this.#config.fingerprint;
    this.fresh = dispatcher;
  }
}
