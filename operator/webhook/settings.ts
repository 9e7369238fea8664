/** What the chart and the operator decide about every sidecar. */
import type { LogLevel } from '../../runtime/log.ts';

export interface SidecarPorts {
  /** TLS, for MCP clients. */
  readonly https: number;
  /** Mutual TLS, for the other sidecars of the same server. */
  readonly peer: number;
  /** Health, readiness and metrics. */
  readonly admin: number;
}

export interface InjectionSettings {
  /** With tag or digest. */
  readonly image: string;
  /** Repositories beside that of `image` from which a server may choose the image of its sidecars. */
  readonly imageRepositories: readonly string[];
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Version of the sidecar, for the annotation. */
  readonly version: string;
  readonly logLevel: LogLevel;
  readonly ports: SidecarPorts;
  /** `host:port` of the headless Service of all operator replicas. */
  readonly operatorAddress: string;
  /** The token's audience is `<prefix>/<namespace>/<MCPServer>`. */
  readonly audiencePrefix: string;
  /** ConfigMap in the pod's namespace whose key ca.crt holds the authorities of the operator's stream. */
  readonly authoritiesConfigMap: string;
  /** User and group of the sidecar; never 0. */
  readonly runAsUser: number;
  /** Quantities. There is no CPU limit: it would hurt latency. */
  readonly resources: { readonly cpuRequest: string; readonly memoryRequest: string; readonly memoryLimit: string };
}

/** Which server a pod is for. */
export interface ServerRef {
  readonly namespace: string;
  readonly name: string;
}

export const audienceOf = (settings: Pick<InjectionSettings, 'audiencePrefix'>, server: ServerRef): string =>
  `${settings.audiencePrefix}/${server.namespace}/${server.name}`;
