/** Generated from api/gateway-config.schema.json by tools/generate-api.ts; do not edit. */

/**
 * Settings of the whole gateway: gateway-config.json in the configuration directory, or the ConfigMap that the chart
 * writes.
 */
export interface GatewayConfig {
  /** Where this schema is published, for editors. Not read. */
  readonly $schema?: string;
  readonly listener: GatewayConfigListener;
  readonly admin: GatewayConfigAdmin;
  readonly tokens: GatewayConfigTokens;
  readonly certificates: GatewayConfigCertificates;
  readonly sidecars: GatewayConfigSidecars;
  readonly audit: GatewayConfigAudit;
}

/** Where clients connect. Exactly one of tls and plainHTTP: true is required. */
export interface GatewayConfigListener {
  /** IP address to listen on. Anything but loopback is reachable from other machines. */
  readonly address: string;
  /** TCP port to listen on; 0 takes a free one. */
  readonly port: number;
  readonly tls?: GatewayConfigListenerTls;
  /**
   * Serve without TLS: credentials travel in clear. For loopback, or behind something that terminates TLS on the same
   * machine.
   */
  readonly plainHTTP: boolean;
  /**
   * Values of the Host header that are admitted, as host or host:port, beside those of public URLs and of loopback
   * listeners.
   */
  readonly allowedHosts: readonly string[];
  /**
   * Origins of browser pages that may call the servers, such as https://app.example.com. A request with any other
   * Origin is refused.
   */
  readonly allowedOrigins: readonly string[];
  /** Open client connections; more are closed at once. */
  readonly maxConnections: number;
  /** Largest request body; a larger one is refused. */
  readonly maxBodyBytes: number;
  /** On shutdown, how long open exchanges may go on before they are cut. */
  readonly drainSeconds: number;
}

/** Serving certificate. The files are read again when they change; relative paths are relative to this file. */
export interface GatewayConfigListenerTls {
  /** PEM file with the certificate and its chain. */
  readonly certFile: string;
  /** PEM file with the private key. */
  readonly keyFile: string;
}

/** Where /healthz, /readyz and /metrics are served. */
export interface GatewayConfigAdmin {
  /** IP address to listen on. */
  readonly address: string;
  /** TCP port to listen on; 0 takes a free one. */
  readonly port: number;
}

/** Limits for gateway tokens. */
export interface GatewayConfigTokens {
  /**
   * How often, at most, the use of one token is written into its status. The first use is written at once. A shorter
   * interval costs the API server more writes. Without meaning for `mcpgateway serve`, which writes no status.
   */
  readonly usageIntervalSeconds: number;
  /**
   * Bounds for spec.lifetime by namespace. The first policy that selects a namespace applies; where none does, the
   * longest lifetime is 720h.
   */
  readonly lifetimePolicies: readonly GatewayConfigTokensLifetimePolicy[];
}

export interface GatewayConfigTokensLifetimePolicy {
  /** Name that problems refer to; unique. */
  readonly name: string;
  readonly namespaceSelector: GatewayConfigTokensLifetimePolicyNamespaceSelector;
  /** Shortest lifetime, as a Go duration such as 1h. */
  readonly minLifetime: string;
  /** Longest lifetime, as a Go duration such as 168h. */
  readonly maxLifetime: string;
}

/** Labels of the namespaces; all of them must match. No labels: every namespace. */
export interface GatewayConfigTokensLifetimePolicyNamespaceSelector {
  /** Labels that must have these values. */
  readonly matchLabels: Readonly<Record<string, string>>;
}

/**
 * Serving certificates that the operator signs. Each is for the server's Service within the cluster; a standalone
 * gateway has its own.
 */
export interface GatewayConfigCertificates {
  /**
   * Hosts of public URLs that certificates of a namespace's servers may also name. Every entry that selects the
   * namespace counts; where none does, none. A change counts from the next renewal on, within a day.
   */
  readonly publicHosts: readonly GatewayConfigCertificatesPublicHost[];
}

export interface GatewayConfigCertificatesPublicHost {
  /** Name that problems refer to; unique. */
  readonly name: string;
  readonly namespaceSelector: GatewayConfigCertificatesPublicHostNamespaceSelector;
  /**
   * Host names such as mcp.example.com. A leading *. stands for exactly one label. No addresses, and no names of
   * Services.
   */
  readonly hosts: readonly string[];
}

/** Labels of the namespaces; all of them must match. No labels: every namespace. */
export interface GatewayConfigCertificatesPublicHostNamespaceSelector {
  /** Labels that must have these values. */
  readonly matchLabels: Readonly<Record<string, string>>;
}

/**
 * What the sidecars of a cluster are told, at once and without a restart. Without meaning for `mcpgateway serve`, which
 * reads its directory itself.
 */
export interface GatewayConfigSidecars {
  /**
   * How long a sidecar goes on by the policy it has while no replica of the operator vouches for it; then it denies
   * everything with 503. A revoked credential works that long where nobody can tell of it. Below a minute an ordinary
   * restart of the operator would be an outage.
   */
  readonly maxStalenessSeconds: number;
}

/** The audit log. */
export interface GatewayConfigAudit {
  /**
   * Unauthenticated refusals that are logged singly per peer and minute; those beyond are counted exactly in one
   * record.
   */
  readonly unauthenticatedPerPeerPerMinute: number;
}
