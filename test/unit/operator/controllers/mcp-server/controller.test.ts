import { beforeEach, describe, expect, test } from '@jest/globals';
import type { MCPServer, MCPServerStatus } from '../../../../../api/v1alpha1/index.ts';
import { createServerController } from '../../../../../operator/controllers/mcp-server/controller.ts';
import type { ServerControllerDeps } from '../../../../../operator/controllers/mcp-server/controller.ts';
import type { Occurrence } from '../../../../../operator/kube/event-series.ts';
import { KubeError } from '../../../../../operator/kube/kube-error.ts';
import type { KubeObject } from '../../../../../operator/kube/kube-object.ts';
import { keepLog } from '../../../../kit/kube-parts.ts';
import { aServer } from '../../../core/bundle/kit.ts';

let server: MCPServer | undefined;
let status: MCPServerStatus;
let foreign: string[];
let failure: KubeError | undefined;
let written: string[];
let told: Occurrence[];

const anObject = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Thing', metadata: { name, uid: 'u', resourceVersion: '1' } });

const client: ServerControllerDeps['client'] = {
  get: async ({ kind }, { name }) => {
    if (foreign.includes(kind)) return anObject(name);
    throw new KubeError('NotFound', 'absent', { status: 404 });
  },
  apply: async ({ kind }, { metadata }) => {
    if (failure !== undefined) throw failure;
    written.push(kind);
    return anObject(metadata.name);
  },
  applyStatus: async (_resource, object) => {
    written.push('status');
    status = object['status'] as MCPServerStatus;
    return anObject(object.metadata.name);
  },
};

const reconcile = () =>
  createServerController({
    client,
    ledger: { ensureSessionKey: async () => undefined },
    sources: {
      server: () => server,
      problems: () => [],
      sidecars: () => ({ desired: 0, ready: 0, unguarded: [], outdated: [] }),
      pods: () => [],
      bypass: () => undefined,
      status: () => ({ whole: status, conditions: status.conditions ?? [] }),
      authorities: () => ({ stream: 'S', serving: 'T' }),
    },
    settings: { ports: { https: 15_443, peer: 15_444 }, authoritiesConfigMap: 'mcpgateway-authorities' },
    record: (occurrence) => void told.push(occurrence),
    clock: { nowMs: () => 0, monotonicMs: () => 0 },
    log: keepLog(),
  })('tools/github', new AbortController().signal);
const acceptedReason = () => status.conditions?.find(({ type }) => type === 'Accepted')?.reason;

beforeEach(() => {
  server = aServer('github');
  status = {};
  foreign = [];
  failure = undefined;
  written = [];
  told = [];
});

describe('a server', () => {
  test('is written with all that belongs to it, told of, and looked at again before an authority signs', async () => {
    expect(await reconcile()).toEqual({ requeueAfterMs: 480_000 });
    expect(written.toSorted()).toEqual(['ConfigMap', 'NetworkPolicy', 'Service', 'status']);
    expect(acceptedReason()).toBe('Accepted');
    expect(told).toMatchObject([{ reason: 'Accepted' }]);
  });

  test('whose status says the same is not written again, and nobody is told', async () => {
    await reconcile();
    [written, told] = [[], []];
    await reconcile();
    expect(written).not.toContain('status');
    expect(told).toEqual([]);
  });

  test.each([['Service', 'ServiceNotOurs'], ['NetworkPolicy', 'ServiceNotOurs'], ['ConfigMap', 'AuthoritiesNotOurs']])('with a foreign %s says %s, and is tried again soon', async (kind, reason) => {
    foreign = [kind];
    expect(await reconcile()).toEqual({ requeueAfterMs: 30_000 });
    expect(written).not.toContain(kind);
    expect(acceptedReason()).toBe(reason);
  });

  test('whose objects are refused says so, and is tried again soon', async () => {
    failure = new KubeError('Forbidden', 'denied', { status: 403 });
    expect(await reconcile()).toEqual({ requeueAfterMs: 30_000 });
    expect(acceptedReason()).toBe('WriteRefused');
  });

  test('whose objects cannot be written now has its status all the same, and the queue tries again', async () => {
    failure = new KubeError('ServiceUnavailable', 'later', { status: 503 });
    await expect(reconcile()).rejects.toMatchObject({ errors: [failure, failure, failure] });
    expect(written).toEqual(['status']);
  });

  test('that is gone, or going, is left alone', async () => {
    server = aServer('github', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(await reconcile()).toBeUndefined();
    server = undefined;
    expect(await reconcile()).toBeUndefined();
    expect(written).toEqual([]);
  });
});
