import { describe, expect, test } from '@jest/globals';
import { createJudges, objectKey, readReference, type Judgement } from '../../../manifest/kinds.ts';
import { shownPath } from '../../../manifest/problem.ts';
import type { UnknownRecord } from '../../../manifest/record.ts';
import { aServer, aToken, CRD_EXAMPLES } from '../../kit/crd-examples.ts';
import { growth, LINEAR_GROWTH } from '../../kit/cpu-time.ts';

const judges = createJudges();

const copy = (object: object): UnknownRecord => JSON.parse(JSON.stringify(object)) as UnknownRecord;
const problemsOf = (judgement: Judgement) =>
  'problems' in judgement ? judgement.problems.map((fault) => ({ field: shownPath(fault), problem: fault.problem })) : [];

describe.each(['MCPServer', 'GatewayToken'] as const)('%s', (kind) => {
  const examples = CRD_EXAMPLES.filter((example) => example.kind === kind);
  const judge = judges[kind];
  const judged = (object: object, old?: object): Judgement => {
    const last = old === undefined ? undefined : judge(copy(old), undefined);
    if (last !== undefined && 'problems' in last) throw new Error('the object before is not valid');
    return judge(copy(object), last?.object);
  };

  test.each(examples.filter(({ refusal }) => refusal === undefined))('accepts $title', ({ object, old }) => {
    expect(problemsOf(judged(object, old))).toEqual([]);
  });

  test.each(examples.filter(({ refusal }) => refusal !== undefined))('refuses $title', ({ object, old, refusal }) => {
    expect(problemsOf(judged(object, old))).toContainEqual({
      field: refusal?.field,
      problem: expect.stringContaining(refusal?.problem ?? ''),
    });
  });
});

describe('an accepted object', () => {
  test('has its defaults', () => {
    const server = judges.MCPServer(copy(aServer({}, { namespace: null })), undefined);
    expect(server).toMatchObject({
      object: { metadata: { namespace: 'default' }, spec: { upstream: { path: '/mcp', transport: 'StreamableHTTP' } } },
    });
    const token = judges.GatewayToken(copy(aToken({ source: null, rotation: { every: '1h' } })), undefined);
    expect(token).toMatchObject({
      object: { spec: { source: { type: 'Generated' }, binding: 'None', revoked: false, rotation: { overlap: '1h' } } },
    });
  });

  test('has neither a status nor what a server sets, above all no uid', () => {
    const written = copy({
      ...aToken({}, { uid: 'forged', resourceVersion: '1', generation: 3, creationTimestamp: 'x', managedFields: [] }),
      status: { generations: [{ id: 'k7Qd2mXa' }] },
    });
    const judgement = judges.GatewayToken(written, undefined);
    expect('object' in judgement && Object.keys(judgement.object.metadata)).toEqual(['name', 'namespace']);
    expect(judgement).not.toHaveProperty('object.status');
  });

  test('leaves the document it was made from with its status', () => {
    const written = copy({ ...aToken(), status: {} });
    judges.GatewayToken(written, undefined);
    expect(written).toHaveProperty('status');
  });
});

describe('metadata', () => {
  test.each([
    [{ finalizers: ['x'] }, 'metadata.finalizers', 'unknown field'],
    [{ ownerReferences: [] }, 'metadata.ownerReferences', 'unknown field'],
    [{ labels: { a: 'b c' } }, 'metadata.labels.a', 'must match'],
    [{ labels: { 'a b': 'c' } }, 'metadata.labels["a b"]', 'this key is not accepted'],
    [{ annotations: { a: 1 } }, 'metadata.annotations.a', 'must be a string'],
  ])('refuses %j', (metadata, field, problem) => {
    expect(problemsOf(judges.GatewayToken(copy(aToken({}, metadata)), undefined))).toContainEqual({
      field,
      problem: expect.stringContaining(problem),
    });
  });
});

test('names all faults of an object at once, those of its rules too', () => {
  const object = copy(aToken({ typo: 1, identity: { user: '' }, rotation: { every: '24h', overlap: '1h' } }));
  expect(problemsOf(judges.GatewayToken(object, undefined)).map(({ field }) => field)).toEqual(
    expect.arrayContaining(['spec.typo', 'spec.identity.user', 'spec.rotation']),
  );
});

test('does not run rules over something of the wrong type or of excessive size', () => {
  const judging = (length: number) => {
    const server = copy(aServer({ publicURLs: Array.from({ length }, (_, i) => `https://h${i}.example`) }));
    return () => expect(problemsOf(judges.MCPServer(server, undefined))).toEqual([{ field: 'spec.publicURLs', problem: 'must have at most 4 entries' }]);
  };
  expect(growth(5000, judging)).toBeLessThan(LINEAR_GROWTH);
});

describe('Secret', () => {
  const aSecret = (fields: object) => copy({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pat' }, ...fields });

  test('decodes data, and stringData wins', () => {
    const data = { a: 'aGVsbG8=', b: 'aGVsbG8=' };
    const judgement = judges.Secret(aSecret({ data, stringData: { b: 'plain' } }), undefined);
    expect(judgement).toEqual({
      object: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'pat', namespace: 'default' },
        type: 'Opaque',
        data: { a: new TextEncoder().encode('hello'), b: new TextEncoder().encode('plain') },
      },
    });
  });

  test.each([
    [{ data: { token: 'hunter2!' } }, 'data.token', 'must be base64; for plain text use stringData'],
    [{ stringData: { token: 42 } }, 'stringData.token', 'must be a string'],
    [{ hunter2: 'x' }, '["…"]', 'unknown field'],
    [{ stringData: { 'hunter2 hunter2': 'x' } }, 'stringData["…"]', 'this key is not accepted'],
    [{ type: 'hunter2 !' }, 'type', 'must match ^[A-Za-z0-9./_-]+$'],
  ])('refuses %j without showing it', (fields, field, problem) => {
    const problems = problemsOf(judges.Secret(aSecret(fields), undefined));
    expect(problems).toContainEqual({ field, problem });
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});

describe('ConfigMap', () => {
  test('is accepted with text and refused with anything else', () => {
    const aMap = (data: object) => copy({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ca' }, data });
    expect(judges.ConfigMap(aMap({ 'ca.crt': 'x' }), undefined)).toMatchObject({ object: { data: { 'ca.crt': 'x' } } });
    expect(problemsOf(judges.ConfigMap(aMap({ a: true }), undefined))).toEqual([
      { field: 'data.a', problem: 'must be a string' },
    ]);
  });
});

describe('readReference', () => {
  test('names the object of a document, valid or not', () => {
    const reference = readReference({ kind: 'GatewayToken', metadata: { name: 'ci-bot' }, spec: 1 });
    expect(reference && objectKey(reference)).toBe('GatewayToken/default/ci-bot');
  });

  test.each([
    [undefined],
    [[]],
    [{ kind: 'Pod', metadata: { name: 'a' } }],
    [{ kind: 'Secret' }],
    [{ kind: 'Secret', metadata: { name: 'A' } }],
    [{ kind: 'Secret', metadata: { name: 'a', namespace: 1 } }],
    [{ kind: 'Secret', metadata: { name: 'a', namespace: '../b' } }],
  ])('is undefined for %j', (raw) => {
    expect(readReference(raw)).toBeUndefined();
  });
});
