import { beforeEach, describe, expect, test } from '@jest/globals';
import { createObjectWriter } from '../../../../../operator/controllers/mcp-server/objects.ts';
import type { ObjectWriterDeps, WriteObjects } from '../../../../../operator/controllers/mcp-server/objects.ts';
import { KubeError } from '../../../../../operator/kube/kube-error.ts';
import type { ObjectToWrite } from '../../../../../operator/kube/client.ts';
import type { KubeObject } from '../../../../../operator/kube/kube-object.ts';
import { keepLog } from '../../../../kit/kube-parts.ts';
import type { KeptLog } from '../../../../kit/kube-parts.ts';
import { aServer } from '../../../core/bundle/kit.ts';

const FACTS = { server: aServer('github'), ports: { https: 15_443, peer: 15_444 }, authorities: { stream: 'S', serving: 'T' }, authoritiesConfigMap: 'mcpgateway-authorities' };
const ALL = ['Service github-mcp', 'NetworkPolicy github-mcp', 'ConfigMap mcpgateway-authorities'];

let there: Map<string, KubeObject>;
let refusing: Map<string, KubeError>;
let applied: string[];
let log: KeptLog;
let nowMs: number;
let asked: number;
/** By kind, as it was applied last. */
let written: Map<string, ObjectToWrite>;
let write: WriteObjects;

const client: ObjectWriterDeps['client'] = {
  get: async ({ kind }, { name }) => {
    asked += 1;
    const found = there.get(`${kind} ${name}`);
    if (found === undefined) throw new KubeError('NotFound', 'absent', { status: 404 });
    return found;
  },
  apply: async ({ kind }, object) => {
    const { metadata } = object;
    const refusal = refusing.get(kind);
    if (refusal !== undefined) throw refusal;
    applied.push(`${kind} ${metadata.name}`);
    written.set(kind, object);
    return anObject(metadata.name, []);
  },
};

beforeEach(() => {
  there = new Map();
  refusing = new Map();
  applied = [];
  log = keepLog();
  nowMs = 0;
  asked = 0;
  written = new Map();
  write = createObjectWriter({ client, log, clock: { monotonicMs: () => nowMs } });
});

function anObject(name: string, ownerReferences: readonly object[]): KubeObject {
  return { apiVersion: 'v1', kind: 'Thing', metadata: { name, uid: 'u', resourceVersion: '1', ownerReferences } };
}

const outcome = (facts = FACTS) => write(facts, new AbortController().signal);

describe('what is as it should be', () => {
  const keepWritten = (): void => {
    for (const [kind, object] of written) there.set(`${kind} ${object.metadata.name}`, { apiVersion: 'v1', kind, ...object, metadata: { ...object.metadata, uid: 'u', resourceVersion: '2' } });
  };

  test('is not asked for within a minute, and not written when it is', async () => {
    await outcome();
    keepWritten();
    nowMs += 59_999;
    await outcome();
    expect([asked, applied.length]).toEqual([3, 3]);
    nowMs += 1;
    await outcome();
    expect([asked, applied.length]).toEqual([6, 3]);
  });

  test('is written at once when something else is wanted, and again when somebody has changed it', async () => {
    await outcome();
    keepWritten();
    await outcome({ ...FACTS, authorities: { stream: 'S2', serving: 'T' } });
    expect(applied.slice(3)).toEqual(['ConfigMap mcpgateway-authorities']);
    nowMs += 60_000;
    there.delete('NetworkPolicy github-mcp');
    await outcome();
    expect(applied.slice(4)).toEqual(['NetworkPolicy github-mcp']);
  });
});

describe('the objects of a server', () => {
  test('are written where nothing is, and where what is there is its own', async () => {
    expect(await outcome()).toEqual({ foreign: [], areAuthoritiesForeign: false, refused: [], failures: [] });
    nowMs += 60_000;
    there.set('Service github-mcp', anObject('github-mcp', [{ uid: 'server-github' }]));
    await outcome();
    expect(applied.toSorted()).toEqual([...ALL, ...ALL].toSorted());
  });

  test('that somebody else made are named and left alone, and the others are written', async () => {
    there.set('Service github-mcp', anObject('github-mcp', [{ apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', uid: 'another' }]));
    expect(await outcome()).toMatchObject({ foreign: ['Service github-mcp'], areAuthoritiesForeign: false, failures: [] });
    expect(applied.toSorted()).toEqual(['ConfigMap mcpgateway-authorities', 'NetworkPolicy github-mcp']);
  });

  test('share the authorities with other servers, and with nobody else', async () => {
    there.set('ConfigMap mcpgateway-authorities', anObject('mcpgateway-authorities', [{ apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', uid: 'another' }]));
    expect((await outcome()).areAuthoritiesForeign).toBe(false);
    expect(applied).toContain('ConfigMap mcpgateway-authorities');
    there.set('ConfigMap mcpgateway-authorities', anObject('mcpgateway-authorities', [{ apiVersion: 'v1', kind: 'MCPServer', uid: 'another' }]));
    nowMs += 60_000;
    applied = [];
    expect(await outcome()).toMatchObject({ foreign: [], areAuthoritiesForeign: true });
    expect(applied).not.toContain('ConfigMap mcpgateway-authorities');
  });

  test('that are refused are named without the text of the refusal, which may be another each time and is in the log', async () => {
    refusing.set('NetworkPolicy', new KubeError('Forbidden', 'request 17 is denied', { status: 403 }));
    expect(await outcome()).toMatchObject({ refused: ['NetworkPolicy github-mcp (403 Forbidden)'], failures: [] });
    expect(applied).toHaveLength(2);
    expect(log.entries).toMatchObject([{ level: 'warn', fields: { kind: 'NetworkPolicy', name: 'github-mcp' } }]);
  });

  test.each([undefined, 409, 429, 500, 503])('that fail with %p may be written when that is tried again', async (status) => {
    const failure = new KubeError('Whatever', 'x', { status });
    refusing.set('Service', failure);
    expect(await outcome()).toMatchObject({ refused: [], failures: [failure] });
    expect(applied).toHaveLength(2);
  });
});
