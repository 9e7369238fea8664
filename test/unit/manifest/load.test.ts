import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { createManifestLoader, EMPTY_STATE, objectsOfKind, type ManifestState } from '../../../manifest/load.ts';
import { formatProblem } from '../../../manifest/problem.ts';
import { aServer, aToken } from '../../kit/crd-examples.ts';

const loader = createManifestLoader();

const SERVER = stringify(aServer());
const TOKEN = stringify(aToken());
const OTHER_TOKEN = stringify(aToken({ secretRef: { name: 'other' } }, { name: 'other' }));
const KEY = 'GatewayToken/tools/ci-bot';
const OTHER_KEY = 'GatewayToken/tools/other';

const load = (files: Readonly<Record<string, string>>, last: ManifestState = EMPTY_STATE): ManifestState =>
  loader.load(Object.entries(files).map(([path, text]) => ({ path, text })), last);

const lines = ({ problems }: ManifestState): readonly string[] => problems.map(formatProblem);
const keys = ({ objects }: ManifestState): readonly string[] => [...objects.keys()].sort();
const token = ({ objects }: ManifestState, key = KEY) => {
  const object = objects.get(key)?.object;
  return object?.kind === 'GatewayToken' ? object.spec : undefined;
};
const revoked = (text: string): string => text.replace('spec:\n', 'spec:\n  revoked: true\n');

describe('a directory', () => {
  test('is the set of the valid objects of all its files', () => {
    const state = load({ 'a.yaml': `${SERVER}---\n${TOKEN}`, 'b.yaml': OTHER_TOKEN });
    expect(lines(state)).toEqual([]);
    expect(keys(state)).toEqual([KEY, OTHER_KEY, 'MCPServer/tools/github']);
    expect(state.objects.get(KEY)).toMatchObject({ file: 'a.yaml', line: 13 });
    expect(objectsOfKind(state, 'MCPServer').map(({ metadata }) => metadata.name)).toEqual(['github']);
  });

  test('gives the very same objects for the same files', () => {
    const files = { 'a.yaml': `${SERVER}---\n${TOKEN}` };
    const first = load(files);
    const second = load({ ...files, 'b.yaml': OTHER_TOKEN }, first);
    expect(second.objects.get(KEY)).toBe(first.objects.get(KEY));
  });

  test('does not contain a new object that is invalid, nor miss a valid one because of it', () => {
    const state = load({ 'a.yaml': `${TOKEN.replace('Bearer', 'Bear')}---\n${OTHER_TOKEN}` });
    expect(keys(state)).toEqual([OTHER_KEY]);
    expect(lines(state)).toEqual([
      `a.yaml:7 ${KEY} spec.type: must be one of Bearer, APIKey, ClientCertificate`,
    ]);
  });

  test('loses the objects of a file that is gone', () => {
    const before = load({ 'a.yaml': TOKEN, 'b.yaml': OTHER_TOKEN });
    expect(keys(load({ 'b.yaml': OTHER_TOKEN }, before))).toEqual([OTHER_KEY]);
  });

  test('loses an object whose document is gone from a file that is whole', () => {
    const before = load({ 'a.yaml': `${TOKEN}---\n${OTHER_TOKEN}` });
    const state = load({ 'a.yaml': OTHER_TOKEN }, before);
    expect(keys(state)).toEqual([OTHER_KEY]);
    expect(lines(state)).toEqual([]);
  });
});

describe('problems', () => {
  test('name file, line, object and field of what an author has to change', () => {
    const text = `# comment
apiVersion: mcpgateway.dev/v1alpha1
kind: MCPServer
metadata: {name: github, namespace: tools}
spec:
  upstream:
    port: 70000
    credentials:
      - header: Authorization
        secretRef: {name: pat}
  authentication:
    gatewayTokens: {bearer: false}
  access:
    - name: rule
      effect: Deny
      principals:
        - everyone: true
          groops: [a]
      tools: ["*"]
`;
    expect(lines(load({ 'dir/a.yaml': text }))).toEqual([
      'dir/a.yaml:7 MCPServer/tools/github spec.upstream.port: must be at most 65535',
      'dir/a.yaml:10 MCPServer/tools/github spec.upstream.credentials[0].secretRef.key: is required',
      'dir/a.yaml:12 MCPServer/tools/github spec.authentication.gatewayTokens: bearer must be true or apiKeyHeader set: otherwise no gateway token could be presented',
      'dir/a.yaml:18 MCPServer/tools/github spec.access[0].principals[0].groops: unknown field',
    ]);
  });

  test('are bounded per object', () => {
    const extra = Array.from({ length: 500 }, (_, i) => `  extra${i}: 1\n`).join('');
    const problems = lines(load({ 'a.yaml': `${TOKEN}${extra}` }));
    expect(problems).toHaveLength(21);
    expect(problems).toContainEqual(expect.stringMatching(/has \d+ more problems$/));
  });

  test.each([
    ['kind: Pod\nmetadata: {name: a}\n', 'a.yaml:1 kind: must be one of MCPServer, GatewayToken, Secret, ConfigMap'],
    ['metadata: {name: a}\n', 'a.yaml:1 kind: is required; must be one of MCPServer, GatewayToken, Secret, ConfigMap'],
    ['kind: Secret\n', 'a.yaml:1 metadata.name: is required: lower-case letters, digits, "-" and "."'],
    ['kind: Secret\nmetadata:\n  name: a\n  namespace: A\n', 'a.yaml:4 metadata.namespace: must be the name of a namespace'],
    ['hello', 'a.yaml:1: must be an object with apiVersion, kind and metadata'],
    ['apiVersion: v2\nkind: Secret\nmetadata: {name: a}\n', 'a.yaml:1 Secret/default/a apiVersion: must be v1'],
    ['a: "x', 'a.yaml:1: a character is missing: a quote, bracket, colon or space'],
    ['# nothing\n', 'a.yaml:1: is empty; its objects stay as they were until the file is removed'],
  ])('say what %j is', (text, problem) => {
    expect(lines(load({ 'a.yaml': text }))).toContain(problem);
  });
});

describe('an object that becomes invalid', () => {
  test('stays in force as it was', () => {
    const before = load({ 'a.yaml': TOKEN });
    const state = load({ 'a.yaml': TOKEN.replace('get_*', '') }, before);
    expect(token(state)?.permissions[0]?.tools).toEqual(['get_*']);
    expect(lines(state)).toEqual(['a.yaml:16 GatewayToken/tools/ci-bot spec.permissions[0].tools[0]: must be a string']);
  });

  test('is revoked all the same if it readably says so', () => {
    const before = load({ 'a.yaml': TOKEN });
    const state = load({ 'a.yaml': revoked(TOKEN).replace('lifetime: 24h', 'lifetime: soon') }, before);
    expect(token(state)).toMatchObject({ revoked: true, lifetime: '24h' });
  });

  test.each(['yes', '"true"', 'on', 'TRUE'])('is revoked by `revoked: %s` too, though that is not a boolean', (value) => {
    const before = load({ 'a.yaml': TOKEN });
    const state = load({ 'a.yaml': revoked(TOKEN).replace('revoked: true', `revoked: ${value}`) }, before);
    expect(token(state)?.revoked).toBe(true);
  });

  test.each(['no', '"false"', '0', '[true]', '{a: true}', '1'])('is not revoked by `revoked: %s`', (value) => {
    const before = load({ 'a.yaml': TOKEN });
    const state = load({ 'a.yaml': revoked(TOKEN).replace('revoked: true', `revoked: ${value}`) }, before);
    expect(token(state)?.revoked).toBe(false);
    expect(lines(state)).toHaveLength(1);
  });

  test('does not become valid again by taking its revocation back', () => {
    const broken = load({ 'a.yaml': revoked(TOKEN).replace('24h', 'soon') }, load({ 'a.yaml': TOKEN }));
    const state = load({ 'a.yaml': TOKEN }, broken);
    expect(token(state)?.revoked).toBe(true);
    expect(lines(state)).toEqual([expect.stringContaining(`${KEY} spec.revoked: revoked is one-way`)]);
  });

  test('is not made by a revocation alone', () => {
    expect(keys(load({ 'a.yaml': revoked(TOKEN).replace('24h', 'soon') }))).toEqual([]);
  });
});

describe('a file that is half-written', () => {
  const WHOLE = `${TOKEN}---\n${OTHER_TOKEN}`;
  const before = load({ 'a.yaml': WHOLE });

  test.each([
    ['empty', ''],
    ['cut in the middle of a string', WHOLE.slice(0, WHOLE.lastIndexOf('"') - 1)],
    ['not YAML', '{{{'],
    ['larger than a file may be', `${TOKEN}# ${'x'.repeat(1_048_576)}`],
  ])('keeps its objects when it is %s', (_what, text) => {
    const state = load({ 'a.yaml': text }, before);
    expect(keys(state)).toEqual(keys(before));
    expect(state.problems.length).toBeGreaterThan(0);
  });

  test('keeps its objects wherever it is cut, except exactly between two documents', () => {
    const lost = Array.from({ length: WHOLE.length }, (_, length) => length).filter(
      (length) => load({ 'a.yaml': WHOLE.slice(0, length) }, before).objects.size < 2,
    );
    // Cut there (or after an optional last field) it is a whole file with one document: nobody could tell.
    expect(lost.every((length) => WHOLE.slice(0, length).includes('ci-bot-tok'))).toBe(true);
    expect(lost.every((length) => length <= TOKEN.length + '---\n'.length)).toBe(true);
  });

  test('does not delay a revocation in another document', () => {
    const state = load({ 'a.yaml': `${revoked(TOKEN)}---\nkind: [` }, before);
    expect(token(state)?.revoked).toBe(true);
    expect(token(state, OTHER_KEY)).toBeDefined();
    expect(lines(state)).toContainEqual(expect.stringMatching(new RegExp(`${OTHER_KEY}: is no longer in this file`)));
  });

  test('does not delay a revocation or a deletion in another file', () => {
    const files = { 'a.yaml': TOKEN, 'b.yaml': OTHER_TOKEN, 'c.yaml': SERVER };
    const state = load({ 'a.yaml': revoked(TOKEN), 'c.yaml': '{' }, load(files));
    expect(keys(state)).toEqual([KEY, 'MCPServer/tools/github']);
    expect(token(state)?.revoked).toBe(true);
  });

  test('does not keep a deleted object because an earlier document is invalid or of another kind', () => {
    const invalid = SERVER.replace('port: 3000', 'port: 0');
    const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n';
    for (const first of [invalid, pod]) {
      const last = load({ 'a.yaml': `${first}---\n${WHOLE}` });
      expect(keys(load({ 'a.yaml': `${first}---\n${TOKEN}` }, last))).toEqual([KEY]);
    }
  });
});

test('tells which objects are named, in force or not, and whether another may be hidden', () => {
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n';
  const named = load({ 'a.yaml': `${TOKEN.replace('24h', 'never')}---\n${OTHER_TOKEN}`, 'b.yaml': pod });
  expect([[...named.named].sort(), keys(named), named.mayHide]).toEqual([[KEY, OTHER_KEY], [OTHER_KEY], false]);
  expect(load({ 'a.yaml': TOKEN, 'b.yaml': TOKEN }).mayHide).toBe(false);
  for (const hiding of ['', '{', TOKEN.replace('24h', 'never')]) expect(load({ 'a.yaml': hiding }).mayHide).toBe(true);
});

describe('an object in two places', () => {
  test('counts once, and the other place is a problem', () => {
    const longer = TOKEN.replace('24h', '48h');
    const state = load({ 'a.yaml': TOKEN, 'b.yaml': longer });
    expect(token(state)?.lifetime).toBe('24h');
    expect(lines(state)).toEqual([`b.yaml:1 ${KEY}: is in a.yaml:1 too; that one counts, unless this one revokes`]);
  });

  test('counts from where it was in force before', () => {
    const before = load({ 'b.yaml': TOKEN });
    const state = load({ 'a.yaml': TOKEN.replace('24h', '1h'), 'b.yaml': TOKEN }, before);
    expect(token(state)?.lifetime).toBe('24h');
  });

  test('is revoked if either place says so, also within one file', () => {
    expect(token(load({ 'a.yaml': TOKEN, 'b.yaml': revoked(TOKEN) }))?.revoked).toBe(true);
    expect(token(load({ 'a.yaml': `${TOKEN}---\n${revoked(TOKEN)}` }))?.revoked).toBe(true);
  });
});

describe('no input', () => {
  const SECRET_TEXT = 'sw0rdfishSW0RDFISH';
  const SECRET = `apiVersion: v1
kind: Secret
metadata: {name: pat, namespace: tools}
stringData:
  token: ${SECRET_TEXT}
  other: "${SECRET_TEXT}"
data:
  base: ${Buffer.from(SECRET_TEXT).toString('base64')}
`;
  const FILES = [TOKEN, SERVER, SECRET, `${TOKEN}---\n${SECRET}---\n${OTHER_TOKEN}`];
  const snippets = fc.constantFrom('\n', ' ', ':', '- ', '"', "'", '{', '}', '[', ']', '&a', '*a', '!x', '|', '>', '#', '---\n', '\t', '<<: ', '\u0000', '\ud800', '%', '? ', ',', '__proto__: 1\n', 'true', '1e999', 'null');
  const mutation = fc.record({
    at: fc.nat(),
    remove: fc.oneof({ weight: 4, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.nat(300) }),
    insert: fc.oneof(fc.constant(''), snippets, fc.string({ maxLength: 6 })),
  });
  const mutated = fc.tuple(fc.constantFrom(...FILES), fc.array(mutation, { minLength: 1, maxLength: 4 })).map(
    ([text, edits]) =>
      edits.reduce((current, { at, remove, insert }) => {
        const start = at % (current.length + 1);
        return current.slice(0, start) + insert + current.slice(start + remove);
      }, text),
  );

  test('makes it throw, lose another file, or show a secret', () => {
    const before = load({ 'a.yaml': `${TOKEN}---\n${SECRET}`, 'z.yaml': OTHER_TOKEN });
    fc.assert(
      fc.property(mutated, (text) => {
        const state = load({ 'a.yaml': text, 'z.yaml': OTHER_TOKEN }, before);
        expect(state.objects.has(OTHER_KEY)).toBe(true);
        const shown = lines(state).join('\n');
        for (let at = 0; at + 8 <= SECRET_TEXT.length; at += 1) expect(shown).not.toContain(SECRET_TEXT.slice(at, at + 8));
      }),
      { numRuns: 2000 },
    );
  });
});
