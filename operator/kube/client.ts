/** The one way to the API server: typed verbs over one pool of connections. */
import { type CallOptions, type RequestOptions, createApiCall } from './api-call.ts';
import { type KubeConfigSource, createConnection } from './kube-config.ts';
import { isExpired } from './kube-error.ts';
import type { KubeMetrics } from './kube-metrics.ts';
import { type KubeList, type KubeObject, requireObject } from './kube-object.ts';
import { parsePage, readPages } from './page.ts';
import { createRateLimit } from './rate-limit.ts';
import { type ObjectRef, type Resource, TOKEN_REVIEWS, apiVersionOf, collectionPath, objectPath } from './resources.ts';
import type { Scheduler } from './scheduler.ts';
import { type TokenReviewResult, parseTokenReview } from './token-review.ts';
import { createTransport } from './transport.ts';
import { type WatchEvent, readWatch } from './watch-stream.ts';

export interface KubeClientOptions {
  readonly kubeConfig: KubeConfigSource;
  readonly userAgent: string;
  readonly clock: Scheduler;
  readonly metrics: KubeMetrics;
  /**
   * Requests per second, and how many at once before that counts; reviews of tokens have as much again for themselves,
   * because strangers cause them. Default: 50 and 100.
   */
  readonly rate?: { readonly perSecond: number; readonly burst: number };
  /** Of a call that names no other. Default: 30 s. */
  readonly timeoutMs?: number;
}

export interface Selection {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListOptions extends Selection, CallOptions {
  /** Objects per page. Default: 500. */
  readonly pageSize?: number;
}

export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** Asks the API server to end the watch after this long. */
  readonly timeoutSeconds: number;
  /** Ends the watch at once, whatever state it is in; the iteration then rejects with the reason `Aborted`. */
  readonly signal: AbortSignal;
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  /** Takes over fields that another manager owns. Default: false, and the call fails with 409. */
  readonly force?: boolean;
}

export interface PatchOptions extends WriteOptions {
  readonly subresource?: string;
}

export interface DeleteOptions extends CallOptions {
  /** Deletes only this very object, in this very state. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** What is written: an object without the members that only a server can know. */
export interface ObjectToWrite {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [member: string]: unknown };
  readonly [member: string]: unknown;
}

/**
 * Every failure is a `KubeError`. A call ends within its timeout. Only 429 and 503 are retried, only for requests that
 * may be repeated, and not before the API server's Retry-After. Writes are validated strictly: a field that the API
 * server does not know is an error instead of being dropped.
 */
export interface KubeClient {
  /** The parsed JSON answer. */
  request(options: RequestOptions): Promise<unknown>;
  get(resource: Resource, ref: ObjectRef, options?: CallOptions): Promise<KubeObject>;
  /** All pages of the state at one resourceVersion, no older than the call (never served from a cache that lags). */
  list(resource: Resource, options?: ListOptions): Promise<KubeList>;
  create(resource: Resource, object: ObjectToWrite, options?: WriteOptions): Promise<KubeObject>;
  /** Fails with 409 unless `metadata.resourceVersion`, where given, is the current one. */
  replace(resource: Resource, object: ObjectToWrite, options?: WriteOptions): Promise<KubeObject>;
  /** Server-side apply: creates or changes the named fields only. */
  apply(resource: Resource, object: ObjectToWrite, options: ApplyOptions): Promise<KubeObject>;
  /** Server-side apply of `status` alone; the object must exist. */
  applyStatus(resource: Resource, object: ObjectToWrite, options: ApplyOptions): Promise<KubeObject>;
  /** JSON merge patch. */
  patch(resource: Resource, ref: ObjectRef, patch: Readonly<Record<string, unknown>>, options?: PatchOptions): Promise<KubeObject>;
  /** Resolves also when the deletion is only under way (finalizers); an object that is not there is a 404. */
  delete(resource: Resource, ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  /** `authenticated` only if the API server says so for at least one of `audiences`. */
  tokenReview(token: string, audiences: readonly string[], options?: CallOptions): Promise<TokenReviewResult>;
  /** One connection. Ends when the API server ends it, rejects on everything else; it never reconnects. */
  watch(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent>;
  /** Cuts what is open; the client is of no use afterwards. */
  close(): Promise<void>;
}

const DEFAULT_RATE = { perSecond: 50, burst: 100 } as const;
const DEFAULT_TIMEOUT_MS = 30_000;
const PAGE_SIZE = 500;

/** Reads the kubeconfig now, and throws `ConfigError` if it names no cluster; connects to nothing yet. */
export function createKubeClient({ kubeConfig, userAgent, clock, metrics, rate = DEFAULT_RATE, timeoutMs = DEFAULT_TIMEOUT_MS }: KubeClientOptions): KubeClient {
  const connection = createConnection(kubeConfig);
  const transport = createTransport({ connection, userAgent, clock, metrics });
  const rateLimit = createRateLimit(clock, rate);
  const caller = createApiCall({ transport, host: connection.host, rateLimit, clock, metrics, timeoutMs });
  const reviewer = createApiCall({ transport, host: connection.host, rateLimit: createRateLimit(clock, rate), clock, metrics, timeoutMs });
  const one = async (resource: Resource, options: RequestOptions): Promise<KubeObject> =>
    requireObject(await caller.request({ confidential: resource.confidential === true, ...options }), resource);

  const pages = (resource: Resource, { namespace, labelSelector, fieldSelector, ...call }: Omit<ListOptions, 'pageSize'>, limit?: number): Promise<KubeList> =>
    readPages(async (next) => {
      const query = { labelSelector, fieldSelector, limit, continue: next };
      return parsePage(await caller.request({ method: 'GET', path: collectionPath(resource, namespace), query, verb: 'LIST', ...call }), resource);
    });

  return {
    request: caller.request,
    get: (resource, ref, options) => one(resource, { method: 'GET', path: objectPath(resource, ref), ...options }),
    async list(resource, { pageSize = PAGE_SIZE, ...options } = {}) {
      try {
        return await pages(resource, options, pageSize);
      } catch (error) {
        if (!isExpired(error)) throw error;
        // The history behind the pages was compacted while they were read: everything at once cannot expire.
        return pages(resource, options);
      }
    },
    create: (resource, object, options) => one(resource, { method: 'POST', path: collectionPath(resource, object.metadata.namespace), ...writing(resource, object, options) }),
    replace: (resource, object, options) => one(resource, { method: 'PUT', path: objectPath(resource, object.metadata), ...writing(resource, object, options) }),
    apply: (resource, object, options) => one(resource, { path: objectPath(resource, object.metadata), ...applying(resource, object, options) }),
    applyStatus: (resource, object, options) => one(resource, { path: objectPath(resource, object.metadata, 'status'), ...applying(resource, object, options) }),
    patch: (resource, ref, patch, { subresource, ...options } = {}) =>
      one(resource, { method: 'PATCH', path: objectPath(resource, ref, subresource), contentType: 'application/merge-patch+json', ...writeQuery(options), body: patch }),
    async delete(resource, ref, { preconditions, ...options } = {}) {
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background', preconditions };
      await caller.request({ method: 'DELETE', path: objectPath(resource, ref), body, confidential: resource.confidential === true, ...options });
    },
    async tokenReview(token, audiences, options) {
      const body = { apiVersion: apiVersionOf(TOKEN_REVIEWS), kind: TOKEN_REVIEWS.kind, spec: { token, audiences } };
      const answer = await reviewer.request({ method: 'POST', path: collectionPath(TOKEN_REVIEWS), body, idempotent: true, confidential: true, ...options });
      return parseTokenReview(answer, audiences);
    },
    async *watch(resource, { namespace, timeoutSeconds, signal, ...selection }) {
      const query = { ...selection, watch: true, allowWatchBookmarks: true, timeoutSeconds };
      const { body, dispose } = await caller.open({ method: 'GET', path: collectionPath(resource, namespace), query, verb: 'WATCH', signal });
      try {
        yield* readWatch(body, resource);
      } finally {
        dispose();
      }
    },
    close: () => connection.close(),
  };
}

type Written = Pick<RequestOptions, 'query' | 'body' | 'timeoutMs' | 'signal' | 'urgent'>;

function writing(resource: Resource, object: ObjectToWrite, options: WriteOptions = {}): Written {
  return { ...writeQuery(options), body: { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind } };
}

function applying(resource: Resource, object: ObjectToWrite, { force, ...options }: ApplyOptions): Written & Pick<RequestOptions, 'method' | 'contentType'> {
  const { query, ...rest } = writing(resource, object, options);
  return { method: 'PATCH', contentType: 'application/apply-patch+yaml', ...rest, query: { ...query, force } };
}

function writeQuery({ fieldManager, dryRun, ...call }: WriteOptions): Written {
  return { ...call, query: { fieldManager, dryRun: dryRun === true ? 'All' : undefined, fieldValidation: 'Strict' } };
}
