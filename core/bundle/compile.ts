/**
 * Compiles the objects of the API into one bundle per server. The operator and the standalone gateway both call this.
 * An object at fault takes only itself out: a server gets no bundle, a token is in none, everybody else is unaffected.
 */
import { BUNDLE_FORMAT, type Bundle, type BundleGeneration, type BundleIdentity, type BundleRule } from '../../api/bundle.ts';
import type { GatewayToken, MCPServer } from '../../api/v1alpha1/index.ts';
import { keepWithinBudget, namedToken, type NamedToken } from './budget.ts';
import { type CompileMemory, createCompileMemory, type RememberedToken } from './compile-memory.ts';
import { assignEndpoints, type DefaultAddress, type ServerEndpoints } from './endpoints.ts';
import { type ObjectProblem, problemOf } from './problem.ts';
import { byUid, revisionOf } from './revision.ts';
import { grantsFor, type NamespaceLabels, patternsOf, serversNamedBy } from './token-grants.ts';
import { readTokenStates, type TokenState } from './token-state.ts';
import { unsupportedServerFields } from './unsupported.ts';

export interface CompileInput {
  readonly servers: readonly MCPServer[];
  readonly tokens: readonly GatewayToken[];
  /** Generations of minted tokens, by UID of the GatewayToken. */
  readonly ledger: ReadonlyMap<string, readonly BundleGeneration[]>;
  readonly namespaceLabels: NamespaceLabels;
  /** By UID of the MCPServer. */
  readonly sessionKeys: ReadonlyMap<string, string>;
  readonly maxStalenessMs: number;
  /** PEM, one certificate each; empty where every server has one sidecar only. */
  readonly peerAuthorities: readonly string[];
  readonly defaultAddress: DefaultAddress;
}

export interface CompileOutput {
  readonly bundles: readonly Bundle[];
  readonly problems: readonly ObjectProblem[];
}

/**
 * Guarantees: a server with a problem has no bundle; a token with a problem is in no bundle, unless it is revoked, and
 * then it is there as revoked only; what does not fit (budget.ts) is left out; a token is only in the bundles of servers that its permissions name and that admit
 * its namespace. Does not compare any time with a clock and does not apply lifetime policies: the mint does. The output
 * is the same whatever `memory` holds.
 */
export function compileBundles(input: CompileInput, memory: CompileMemory = createCompileMemory()): CompileOutput {
  const states = readTokenStates(input, memory.states);
  const statesOf = groupByServer(states);
  // A server that is being deleted is gone.
  const present = input.servers.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const servers = assignEndpoints(present, input.defaultAddress).map((assigned) => {
    const { namespace, name } = assigned.server.metadata;
    return compileServer(assigned, statesOf.get(`${namespace}/${name}`) ?? [], { input, memory });
  });
  return {
    bundles: servers.flatMap(({ bundle }) => (bundle === undefined ? [] : [bundle])),
    problems: [...servers.flatMap(({ problems }) => problems), ...states.flatMap(({ problems }) => problems)],
  };
}

function groupByServer(states: readonly TokenState[]): ReadonlyMap<string, readonly TokenState[]> {
  const groups = new Map<string, TokenState[]>();
  for (const state of states) {
    for (const server of serversNamedBy(state.token)) {
      const group = groups.get(server);
      if (group === undefined) groups.set(server, [state]);
      else group.push(state);
    }
  }
  return groups;
}

interface Compilation {
  readonly input: CompileInput;
  readonly memory: CompileMemory;
}

/** `states`: of the tokens that name this server. */
function compileServer(
  assigned: ServerEndpoints,
  states: readonly TokenState[],
  { input, memory }: Compilation,
): { bundle: Bundle | undefined; problems: readonly ObjectProblem[] } {
  const { server } = assigned;
  const { uid } = server.metadata;
  const sessionKey = uid === undefined ? undefined : input.sessionKeys.get(uid);
  const problems = [...unsupportedServerFields(server), ...assigned.problems];
  if (uid === undefined) problems.push(problemOf(server, 'metadata.uid', 'is missing'));
  else if (sessionKey === undefined) problems.push(problemOf(server, 'metadata.uid', 'has no session key'));
  if (uid === undefined || sessionKey === undefined || problems.length > 0) return { bundle: undefined, problems };
  const { kept: named, problems: unfit } = keepWithinBudget(states.flatMap((state) => bundleToken(state, server, { input, memory })));
  const content: Omit<Bundle, 'revision' | 'order'> = {
    format: BUNDLE_FORMAT,
    server: { namespace: server.metadata.namespace, name: server.metadata.name, uid, generation: server.metadata.generation ?? 0 },
    endpoints: assigned.endpoints,
    ...serverSettings(server),
    tokens: named.map(({ bundled }) => bundled).sort(byUid),
    sessionKey,
    maxStalenessMs: input.maxStalenessMs,
    peerAuthorities: input.peerAuthorities,
  };
  const order = orderOf([server, ...named.map(({ token }) => token)]);
  return { bundle: { ...content, revision: revisionOf(content, memory.hashes), order }, problems: unfit };
}

function serverSettings(server: MCPServer): Pick<Bundle, 'upstream' | 'authentication' | 'rules' | 'forwardedAttributes'> {
  const { upstream, authentication, identity } = server.spec;
  const apiKeyHeader = authentication.gatewayTokens?.apiKeyHeader?.toLowerCase();
  return {
    upstream: {
      port: upstream.port,
      path: upstream.path,
      credentials: (upstream.credentials ?? []).map(({ header, prefix, secretRef }) => ({
        header: header.toLowerCase(),
        prefix,
        secret: { name: secretRef.name, key: secretRef.key },
      })),
    },
    authentication: { bearer: authentication.gatewayTokens?.bearer === true, ...(apiKeyHeader === undefined ? {} : { apiKeyHeader }) },
    rules: rulesOf(server),
    forwardedAttributes: identity?.attributes ?? [],
  };
}

function rulesOf({ metadata, spec }: MCPServer): readonly BundleRule[] {
  return (spec.access ?? []).map((rule) => ({
    rule: `MCPServer/${metadata.namespace}/${metadata.name}#access[${rule.name}]`,
    effect: rule.effect,
    principals: rule.principals,
    patterns: patternsOf(rule),
  }));
}

function bundleToken(state: TokenState, server: MCPServer, { input: { namespaceLabels }, memory }: Compilation): readonly NamedToken[] {
  const labels = namespaceLabels.get(state.token.metadata.namespace);
  const byServer = memory.named.get(state) ?? new Map<string, RememberedToken>();
  const uid = server.metadata.uid ?? '';
  const known = byServer.get(uid);
  if (known?.server === server && known.labels === labels) return known.made;
  const made = toBundleToken(state, server, namespaceLabels);
  memory.named.set(state, byServer.set(uid, { server, labels, made }));
  return made;
}

function toBundleToken(
  state: TokenState,
  server: MCPServer,
  namespaceLabels: NamespaceLabels,
): readonly NamedToken[] {
  const { token, revoked, generations } = state;
  const { type } = token.spec;
  const { uid, namespace, name } = token.metadata;
  // A revocation holds whatever else is wrong with the object.
  if (state.problems.length > 0 && !revoked) return [];
  if (uid === undefined || type === 'ClientCertificate') return [];
  const grants = grantsFor(token, server, namespaceLabels);
  if (grants.length === 0) return [];
  return [namedToken(token, { uid, namespace, name, type, revoked, identity: identityOf(token), grants, generations })];
}

function identityOf({ spec }: GatewayToken): BundleIdentity {
  const { groups = [], roles = [], attributes = {}, ...identity } = spec.identity;
  return { ...identity, groups, roles, attributes };
}

function orderOf(objects: readonly (MCPServer | GatewayToken)[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    objects.flatMap(({ kind, metadata }) =>
      metadata.resourceVersion === undefined ? [] : [[`${kind}/${metadata.namespace}/${metadata.name}`, metadata.resourceVersion]],
    ),
  );
}
