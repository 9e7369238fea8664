/** What the operator is told by its environment. The chart writes it; everything else is in gateway-config.json. */
import { BUNDLE_AUDIENCE } from '../api/annotations.ts';
import { ConfigError } from '../core/config-error.ts';
import { LOG_LEVELS } from '../runtime/log.ts';
import type { LogLevel } from '../runtime/log.ts';
import type { KubeConfigSource } from './kube/kube-config.ts';
import { AUTHORITIES_CONFIG_MAP } from './webhook/names.ts';
import type { InjectionSettings } from './webhook/settings.ts';

export interface OperatorConfig {
  readonly namespace: string;
  /** Of this replica: a pod name. */
  readonly instance: string;
  readonly logLevel: LogLevel;
  readonly kubeConfig: KubeConfigSource;
  /** Path of gateway-config.json. */
  readonly configFile: string;
  readonly address: string;
  readonly ports: { readonly stream: number; readonly webhook: number; readonly admin: number };
  /** DNS names and addresses under which sidecars and the API server reach this replica. */
  readonly names: readonly string[];
  readonly injection: InjectionSettings;
  readonly webhookConfiguration: string;
  readonly apiRate: { readonly perSecond: number; readonly burst: number };
  /** Raised by hand after a restore of the cluster's state. */
  readonly epoch: number;
}

interface Variable {
  readonly name: string;
  readonly fallback?: string;
  readonly means: string;
}

/** One row each: read here and nowhere else. */
export const VARIABLES = {
  namespace: { name: 'MCPGATEWAY_NAMESPACE', means: 'namespace of the operator' },
  instance: { name: 'MCPGATEWAY_POD_NAME', means: 'name of this replica' },
  logLevel: { name: 'MCPGATEWAY_LOG_LEVEL', fallback: 'info', means: `one of ${LOG_LEVELS.join(', ')}` },
  kubeConfig: { name: 'MCPGATEWAY_KUBECONFIG', fallback: '', means: 'path of a kubeconfig; empty: the service account of the pod' },
  configFile: { name: 'MCPGATEWAY_CONFIG_FILE', fallback: '/etc/mcpgateway/gateway-config.json', means: 'path of gateway-config.json' },
  address: { name: 'MCPGATEWAY_ADDRESS', fallback: '0.0.0.0', means: 'IP address to listen on' },
  streamPort: { name: 'MCPGATEWAY_STREAM_PORT', fallback: '9443', means: 'port of the bundle streams' },
  webhookPort: { name: 'MCPGATEWAY_WEBHOOK_PORT', fallback: '8443', means: 'port of the injection webhook' },
  adminPort: { name: 'MCPGATEWAY_ADMIN_PORT', fallback: '9090', means: 'port of health, readiness and metrics' },
  names: { name: 'MCPGATEWAY_NAMES', means: 'DNS names and IP addresses of this replica, comma-separated' },
  webhookConfiguration: { name: 'MCPGATEWAY_WEBHOOK_CONFIGURATION', fallback: 'mcpgateway', means: 'name of the MutatingWebhookConfiguration' },
  apiRequestsPerSecond: { name: 'MCPGATEWAY_API_REQUESTS_PER_SECOND', fallback: '50', means: 'most requests to the API server, on average; twice as many at once' },
  epoch: { name: 'MCPGATEWAY_EPOCH', fallback: '1', means: 'raised by one after a restore of the cluster' },
  sidecarImage: { name: 'MCPGATEWAY_SIDECAR_IMAGE', means: 'image of the sidecar' },
  sidecarRepositories: {
    name: 'MCPGATEWAY_SIDECAR_REPOSITORIES',
    fallback: '',
    means: 'image repositories, comma-separated, that a server may take its sidecar from beside that of MCPGATEWAY_SIDECAR_IMAGE; without tag',
  },
  sidecarLogLevel: { name: 'MCPGATEWAY_SIDECAR_LOG_LEVEL', fallback: 'info', means: `one of ${LOG_LEVELS.join(', ')}` },
  sidecarPort: { name: 'MCPGATEWAY_SIDECAR_PORT', fallback: '15443', means: 'port of the sidecar for clients' },
  sidecarPeerPort: { name: 'MCPGATEWAY_SIDECAR_PEER_PORT', fallback: '15444', means: 'port of the sidecar for the other sidecars of its server' },
  sidecarAdminPort: { name: 'MCPGATEWAY_SIDECAR_ADMIN_PORT', fallback: '15090', means: 'port of the sidecar for health and metrics' },
  operatorAddress: { name: 'MCPGATEWAY_OPERATOR_ADDRESS', means: 'host:port of the headless Service of all replicas' },
} as const satisfies Record<string, Variable>;

/** The version of the sidecar is that of the operator. */
const VERSION = '0.1.0';

/** With a registry or without; a tag would be a colon behind the last slash. */
const REPOSITORY = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?\/)?[a-z0-9]+([._/-]+[a-z0-9]+)*$/;

/** Throws a ConfigError with every problem. Touches nothing but `env`. */
export function readOperatorConfig(env: Readonly<Record<string, string | undefined>>): OperatorConfig {
  const problems: string[] = [];
  const given = (variable: Variable): string => env[variable.name] ?? variable.fallback ?? '';
  const text = (variable: Variable): string => {
    const value = given(variable);
    if (value === '' && variable.fallback !== '') problems.push(`${variable.name}: is required (${variable.means})`);
    return value;
  };
  const list = (variable: Variable): readonly string[] => {
    const values = text(variable).split(',').map((value) => value.trim());
    const named = values.filter((value) => value !== '');
    if (named.length === 0 && given(variable) !== '') problems.push(`${variable.name}: must be at least one name (${variable.means})`);
    return named;
  };
  /** From one: neither a port that the system chooses nor the epoch of nobody is meant by anybody. */
  const whole = (variable: Variable, most: number): number => {
    const value = given(variable);
    const number = /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= 1 && number <= most)) problems.push(`${variable.name}: must be a number from 1 to ${String(most)} (${variable.means})`);
    return number;
  };
  const level = (variable: Variable): LogLevel => {
    const found = LOG_LEVELS.find((each) => each === given(variable));
    if (found === undefined) problems.push(`${variable.name}: must be ${variable.means}`);
    return found ?? 'info';
  };
  const repositories = list(VARIABLES.sidecarRepositories);
  if (!repositories.every((name) => REPOSITORY.test(name))) problems.push(`${VARIABLES.sidecarRepositories.name}: must be ${VARIABLES.sidecarRepositories.means}`);
  const port = (variable: Variable): number => whole(variable, 65_535);
  const kubeConfig = text(VARIABLES.kubeConfig);
  const apiRequestsPerSecond = whole(VARIABLES.apiRequestsPerSecond, 10_000);
  const config: OperatorConfig = {
    namespace: text(VARIABLES.namespace),
    instance: text(VARIABLES.instance),
    logLevel: level(VARIABLES.logLevel),
    kubeConfig: kubeConfig === '' ? { type: 'InCluster' } : { type: 'File', path: kubeConfig },
    configFile: text(VARIABLES.configFile),
    address: text(VARIABLES.address),
    ports: { stream: port(VARIABLES.streamPort), webhook: port(VARIABLES.webhookPort), admin: port(VARIABLES.adminPort) },
    names: list(VARIABLES.names),
    webhookConfiguration: text(VARIABLES.webhookConfiguration),
    apiRate: { perSecond: apiRequestsPerSecond, burst: 2 * apiRequestsPerSecond },
    epoch: whole(VARIABLES.epoch, Number.MAX_SAFE_INTEGER),
    injection: {
      image: text(VARIABLES.sidecarImage),
      imageRepositories: repositories,
      imagePullPolicy: 'IfNotPresent',
      version: VERSION,
      logLevel: level(VARIABLES.sidecarLogLevel),
      ports: { https: port(VARIABLES.sidecarPort), peer: port(VARIABLES.sidecarPeerPort), admin: port(VARIABLES.sidecarAdminPort) },
      operatorAddress: text(VARIABLES.operatorAddress),
      audiencePrefix: BUNDLE_AUDIENCE,
      authoritiesConfigMap: AUTHORITIES_CONFIG_MAP,
      runAsUser: 65_532,
      resources: { cpuRequest: '50m', memoryRequest: '96Mi', memoryLimit: '256Mi' },
    },
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}
