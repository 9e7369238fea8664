import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parse, parseAllDocuments } from 'yaml';
import { render, setIn } from '../../../manifest/edit.ts';
import { aToken } from '../../kit/crd-examples.ts';

const BOT = { kind: 'GatewayToken', namespace: 'tools', name: 'ci-bot' } as const;
const TEXT = `# first
kind: MCPServer
metadata: {name: github, namespace: tools}   # flow
spec: {upstream: {port: 3000}}
---
# the bot
kind: GatewayToken
metadata:
    name: ci-bot   # indented by four
    namespace: tools
spec:
    type: "Bearer"
    lifetime: 24h # a day
    revoked:   false
`;

describe('setIn', () => {
  test('replaces a value and nothing else', () => {
    expect(setIn(TEXT, BOT, ['spec', 'revoked'], true)).toBe(TEXT.replace('false', 'true'));
    expect(setIn(TEXT, BOT, ['spec', 'lifetime'], '12h')).toBe(TEXT.replace('24h', '12h'));
  });

  test('adds a field with the indentation of its neighbours', () => {
    expect(setIn(TEXT, BOT, ['spec', 'expiresAt'], '2027-01-31T00:00:00Z')).toBe(
      TEXT.replace('    type:', '    expiresAt: "2027-01-31T00:00:00Z"\n    type:'),
    );
  });

  test('adds the mappings around a field', () => {
    const text = setIn(TEXT, BOT, ['metadata', 'annotations', 'mcpgateway.dev/rotate-requested-at'], 'now');
    expect(text).toBe(
      TEXT.replace('    name: ci', '    annotations:\n      mcpgateway.dev/rotate-requested-at: now\n    name: ci'),
    );
  });

  test('writes a flow mapping anew, with the comments of the file', () => {
    const server = { kind: 'MCPServer', namespace: 'tools', name: 'github' } as const;
    const text = setIn(TEXT, server, ['spec', 'upstream', 'path'], '/mcp') ?? '';
    expect(parseAllDocuments(text).map((doc): unknown => doc.toJS())).toEqual([
      { kind: 'MCPServer', metadata: { name: 'github', namespace: 'tools' }, spec: { upstream: { port: 3000, path: '/mcp' } } },
      parseAllDocuments(TEXT)[1]?.toJS(),
    ]);
    for (const comment of ['# first', '# flow', '# the bot', '# a day']) expect(text).toContain(comment);
  });

  test('knows nothing of an object that is not in the file', () => {
    expect(setIn(TEXT, { ...BOT, namespace: 'default' }, ['spec', 'revoked'], true)).toBeUndefined();
    expect(setIn('{', BOT, ['spec', 'revoked'], true)).toBeUndefined();
    expect(setIn('', BOT, ['spec', 'revoked'], true)).toBeUndefined();
  });

  test('finds the object behind documents that are empty or broken', () => {
    const text = `---\n---\nkind: [\n---\n${TEXT}`;
    expect(setIn(text, BOT, ['spec', 'revoked'], true)).toBe(text.replace('false', 'true'));
  });

  test('sets any text to exactly that text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom('lifetime', 'added'), (value, field) => {
        const text = setIn(TEXT, BOT, ['spec', field], value) ?? '';
        expect(parseAllDocuments(text)[1]?.getIn(['spec', field])).toBe(value);
        expect(parseAllDocuments(text)[0]?.toJS()).toEqual(parseAllDocuments(TEXT)[0]?.toJS());
      }),
    );
  });
});

describe('render', () => {
  test('writes an object that reads back the same, without what is undefined', () => {
    const object = { ...aToken(), status: undefined };
    expect(parse(render(object))).toEqual(aToken());
    expect(render(object).startsWith('apiVersion: mcpgateway.dev/v1alpha1\nkind: GatewayToken\n')).toBe(true);
  });

  test('quotes what kubectl would take for something else than a string', () => {
    expect(render({ a: 'yes', b: 'no', c: '1', d: '2027-01-31', e: '12:30' })).toBe(
      'a: "yes"\nb: "no"\nc: "1"\nd: "2027-01-31"\ne: "12:30"\n',
    );
  });
});
