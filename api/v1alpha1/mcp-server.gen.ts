/** Generated from crds/mcpgateway.dev_mcpservers.yaml by tools/generate-api.ts; do not edit. */
import type { ObjectMeta } from './object-meta.ts';

/**
 * MCPServer puts one MCP server behind the gateway: where it listens, which credentials it accepts from clients, who
 * may list and call what, and which credentials the gateway adds towards it. What is absent is refused.
 */
export interface MCPServer {
  readonly apiVersion: 'mcpgateway.dev/v1alpha1';
  readonly kind: 'MCPServer';
  readonly metadata: ObjectMeta;
  readonly spec: MCPServerSpec;
  readonly status?: MCPServerStatus;
}

/** What the author of this object asks for. */
export interface MCPServerSpec {
  readonly upstream: MCPServerUpstream;
  /**
   * URLs at which clients reach this server, one to four; host and path are matched exactly and mapped to
   * upstream.path. The first one is canonical: it is the OAuth resource and the audience. Never derived from a request.
   * Required with authentication.oidc. Absent: the path alone, as the gateway assigns it, on any host the listener
   * admits.
   */
  readonly publicURLs?: readonly string[];
  readonly service?: MCPServerService;
  readonly tls?: MCPServerTls;
  readonly sidecar?: MCPServerSidecar;
  readonly authentication: MCPServerAuthentication;
  /**
   * Rules for OIDC and certificate principals. No matching Allow rule means denied; a matching Deny rule wins over
   * every Allow and over the permissions of gateway tokens.
   */
  readonly access?: readonly MCPServerAccess[];
  readonly tokens?: MCPServerTokens;
  readonly identity?: MCPServerIdentity;
}

/**
 * The MCP server itself, as the sidecar in its own pod (or the standalone gateway on its machine) reaches it over
 * loopback.
 */
export interface MCPServerUpstream {
  /** Port on which the server listens; loopback is enough. Never a port of the sidecar. */
  readonly port: number;
  /** Path of the MCP endpoint on the server. Requests are sent to exactly this path, whatever the public path is. */
  readonly path: string;
  /**
   * Transport of the server. StreamableHTTP covers all protocol revisions from 2025-03-26 on; HTTPWithSSE is that of
   * 2024-11-05.
   */
  readonly transport: 'StreamableHTTP' | 'HTTPWithSSE';
  /**
   * Whether it is accepted that the server can be reached without its sidecar. With Blocked the server is not Ready
   * unless the operator has tried to connect to its port on every pod and could not, and no Service sends clients
   * there. With Tolerated the condition BypassBlocked still says what was found, and Ready does not depend on it. Of no
   * effect without a cluster.
   */
  readonly directAccess: 'Blocked' | 'Tolerated';
  /**
   * Headers that the sidecar itself adds to every request, so that clients never see the server's own keys. While one
   * of the Secrets is missing, all requests are refused.
   */
  readonly credentials?: readonly MCPServerUpstreamCredential[];
}

export interface MCPServerUpstreamCredential {
  /**
   * Name of the header, for example `Authorization`. Headers that frame the request, route it or belong to MCP or to
   * the gateway are refused.
   */
  readonly header: string;
  /** Text put before the value, for example `"Bearer "` with its space. */
  readonly prefix: string;
  readonly secretRef: MCPServerUpstreamCredentialSecretRef;
}

/** Key of a Secret in the same namespace that holds the value. A changed Secret is picked up without a restart. */
export interface MCPServerUpstreamCredentialSecretRef {
  /** Name of the Secret. */
  readonly name: string;
  /** Key within the Secret. */
  readonly key: string;
}

/** The Service that the operator makes for this server. It never adopts one that it did not make. */
export interface MCPServerService {
  /** Name of the Service. Without `service` it is `<name>-mcp`. */
  readonly name: string;
}

/** Serving certificate of the sidecars. Absent, the operator issues and renews one. */
export interface MCPServerTls {
  readonly secretRef: MCPServerTlsSecretRef;
}

/** Secret of type kubernetes.io/tls in the same namespace, with `tls.crt` and `tls.key`. */
export interface MCPServerTlsSecretRef {
  /** Name of the Secret. */
  readonly name: string;
}

/**
 * What the injected sidecars of this server have instead of what the operator gives every sidecar. A change reaches
 * pods that are created after it; until then the others count as outdated. Without injection it means nothing.
 */
export interface MCPServerSidecar {
  /**
   * Image of the sidecar, with tag or digest. Its repository must be one that the configuration of the operator allows;
   * without further configuration that is the repository of the sidecar it injects otherwise.
   */
  readonly image?: string;
  readonly resources?: MCPServerSidecarResources;
  /** Level of the sidecar's log. Audit records are written at every level. */
  readonly logLevel?: 'error' | 'warn' | 'info' | 'debug';
}

/**
 * Resources of the sidecar; what is absent is as the operator gives it. There is no CPU limit, it would hurt latency.
 */
export interface MCPServerSidecarResources {
  readonly requests?: MCPServerSidecarResourcesRequests;
  readonly limits?: MCPServerSidecarResourcesLimits;
}

/** What the node keeps for the sidecar. */
export interface MCPServerSidecarResourcesRequests {
  /** CPU, in thousandths of a core or whole cores: 1m to 9999m, or 1 to 8. */
  readonly cpu?: string;
  /** Memory: 64Mi to 999Mi, or 1Gi to 8Gi. */
  readonly memory?: string;
}

/** What the sidecar may take at most. */
export interface MCPServerSidecarResourcesLimits {
  /** Memory, with that of its volumes: 128Mi to 999Mi, or 1Gi to 8Gi. */
  readonly memory?: string;
}

/** Credentials that clients may present. A method that is absent is refused; at least one is needed. */
export interface MCPServerAuthentication {
  readonly gatewayTokens?: MCPServerAuthenticationGatewayTokens;
  /** OAuth 2 / OpenID Connect providers whose access tokens are accepted. */
  readonly oidc?: readonly MCPServerAuthenticationOidc[];
  /** Certificate authorities whose client certificates are accepted. */
  readonly clientCertificates?: readonly MCPServerAuthenticationClientCertificate[];
}

/** Tokens of GatewayToken objects. What they may do is written in the GatewayToken. */
export interface MCPServerAuthenticationGatewayTokens {
  /** Accept them as bearer tokens in the header Authorization. */
  readonly bearer: boolean;
  /** Accept them as the value of this header, for example `X-API-Key`. */
  readonly apiKeyHeader?: string;
}

export interface MCPServerAuthenticationOidc {
  /** Name by which access rules refer to this entry in `from`. */
  readonly name: string;
  readonly providerRef?: MCPServerAuthenticationOidcProviderRef;
  /** Issuer URL of an inline provider; compared exactly with the claim `iss`. */
  readonly issuer?: string;
  /** Values of the claim `aud` that are accepted, compared exactly. Absent, only the server's publicURLs are. */
  readonly audiences?: readonly string[];
  readonly claims?: MCPServerAuthenticationOidcClaims;
}

/** A provider defined in gateway-config.json. */
export interface MCPServerAuthenticationOidcProviderRef {
  /** Name of the provider. */
  readonly name: string;
}

/** Which claims describe the principal. A field without a claim stays unset. */
export interface MCPServerAuthenticationOidcClaims {
  /** Claim that identifies the user within the issuer. */
  readonly user: string;
  /** Claim with the e-mail address. */
  readonly email?: string;
  /** Claim with the name to show to people. */
  readonly displayName?: string;
  /** Claim with the team. */
  readonly team?: string;
  /** Claim with the organisation. */
  readonly organization?: string;
  /** Claim with the list of groups. */
  readonly groups?: string;
  /** Claim with the list of roles. */
  readonly roles?: string;
  /** Further attributes, as attribute name to claim. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface MCPServerAuthenticationClientCertificate {
  /** Name by which access rules refer to this entry in `from`. */
  readonly name: string;
  readonly trustBundleRef: MCPServerAuthenticationClientCertificateTrustBundleRef;
  /** Subject alternative name that identifies the principal. A certificate with several of that kind is refused. */
  readonly subjectFrom: 'URI' | 'DNS' | 'Email';
  /** SPIFFE trust domain; a URI of another one is refused. */
  readonly trustDomain?: string;
}

/** Key of a ConfigMap in the same namespace with the PEM certificates of the authorities. */
export interface MCPServerAuthenticationClientCertificateTrustBundleRef {
  /** Name of the ConfigMap. */
  readonly name: string;
  /** Key within the ConfigMap. */
  readonly key: string;
}

export interface MCPServerAccess {
  /** Name of the rule; decisions and audit records name it. */
  readonly name: string;
  /** Allow or Deny. Deny wins. */
  readonly effect: 'Allow' | 'Deny';
  /** Whom the rule is about; any entry suffices, and within an entry every field must match. */
  readonly principals: readonly MCPServerAccessPrincipal[];
  /** Tool names; `*` stands for any characters. Absent, the rule matches no tool. */
  readonly tools?: readonly string[];
  /** Prompt names; `*` stands for any characters. Absent, the rule matches no prompt. */
  readonly prompts?: readonly string[];
  /** Resource URIs and URI templates; `*` stands for any characters. Absent, the rule matches no resource. */
  readonly resources?: readonly string[];
}

export interface MCPServerAccessPrincipal {
  /** Every principal, including those of gateway tokens. For Deny rules only. */
  readonly everyone?: true;
  /**
   * Names of entries of authentication.oidc and authentication.clientCertificates that vouch for the principal; in Deny
   * rules also `gatewayTokens`.
   */
  readonly from?: readonly string[];
  /** Users by subject, compared exactly; any of them. */
  readonly users?: readonly string[];
  /** Groups, compared exactly; membership in any of them. */
  readonly groups?: readonly string[];
  /** Roles, compared exactly; any of them. */
  readonly roles?: readonly string[];
}

/** Whose GatewayTokens may name this server. Absent, those of the same namespace only. */
export interface MCPServerTokens {
  /** Other namespaces that are admitted, each with an upper bound for what their tokens may do. */
  readonly from: readonly MCPServerTokensFrom[];
}

export interface MCPServerTokensFrom {
  readonly namespaceSelector: MCPServerTokensFromNamespaceSelector;
  /** Tools that such tokens may use at most; `*` stands for any characters. Absent, none. */
  readonly tools?: readonly string[];
  /** Prompts that such tokens may use at most; `*` stands for any characters. Absent, none. */
  readonly prompts?: readonly string[];
  /** Resources that such tokens may use at most; `*` stands for any characters. Absent, none. */
  readonly resources?: readonly string[];
}

/** Labels of the namespaces; every requirement must hold. */
export interface MCPServerTokensFromNamespaceSelector {
  /** Labels that must have these values. */
  readonly matchLabels?: Readonly<Record<string, string>>;
  /** Further requirements on labels. */
  readonly matchExpressions?: readonly MCPServerTokensFromNamespaceSelectorMatchExpression[];
}

export interface MCPServerTokensFromNamespaceSelectorMatchExpression {
  /** Label key. */
  readonly key: string;
  /** How the label is compared. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** Values for In and NotIn. */
  readonly values?: readonly string[];
}

/** What the server is told about the principal beyond the fixed identity headers. */
export interface MCPServerIdentity {
  /** Names of identity attributes that are forwarded. Others are not. */
  readonly attributes?: readonly string[];
  /** Whether a signed identity assertion is sent along. */
  readonly assertion: 'Enabled' | 'Disabled';
}

/** What the gateway observed last. Never an input. */
export interface MCPServerStatus {
  /**
   * Ready, Accepted, CredentialsResolved, SidecarsReady, LoopbackOnly and BypassBlocked, each with the generation it
   * was observed at.
   */
  readonly conditions?: readonly MCPServerStatusCondition[];
  readonly sidecars?: MCPServerStatusSidecars;
}

export interface MCPServerStatusCondition {
  /** Type of the condition. */
  readonly type: string;
  /** Whether it holds. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** The metadata.generation that this was observed at. */
  readonly observedGeneration?: number;
  /** When the status changed last. */
  readonly lastTransitionTime: string;
  /** Reason in one word, stable and documented. */
  readonly reason: string;
  /** What to know or do, in a sentence. */
  readonly message: string;
}

/** Sidecars of this server. */
export interface MCPServerStatusSidecars {
  /** How many should exist. */
  readonly desired?: number;
  /** How many enforce the current policy. */
  readonly ready?: number;
  /** How many enforce an older policy or run an older version. */
  readonly outdated?: number;
}
