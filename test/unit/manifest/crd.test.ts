import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { CRD_FILES, parseCrd, readCrd } from '../../../manifest/crd.ts';

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly additionalProperties?: Node;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-list-type'?: string;
}

/** Every node of a schema with its path, except `metadata`, which kube-apiserver owns. */
function nodesOf(node: Node, path: string): readonly (readonly [string, Node])[] {
  const children = [
    ...Object.entries(node.properties ?? {}).filter(([name]) => name !== 'metadata'),
    ...(node.items === undefined ? [] : [['[]', node.items] as const]),
    ...(node.additionalProperties === undefined ? [] : [['{}', node.additionalProperties] as const]),
  ];
  return [[path, node], ...children.flatMap(([name, child]) => nodesOf(child, `${path}.${name}`))];
}

describe.each(['MCPServer', 'GatewayToken'] as const)('the CRD of %s', (kind) => {
  const { openAPIV3Schema, schema, apiVersion } = readCrd(kind);
  const nodes = nodesOf(openAPIV3Schema, kind);
  const missing = (lacks: (node: Node, path: string) => boolean) =>
    nodes.filter(([path, node]) => lacks(node, path)).map(([path]) => path);

  test('bounds every string, list and map, which keeps rules within kube-apiserver\'s cost limits', () => {
    expect(missing(({ type, maxLength }) => type === 'string' && maxLength === undefined)).toEqual([]);
    expect(missing(({ type, maxItems }) => type === 'array' && maxItems === undefined)).toEqual([]);
    expect(missing(({ additionalProperties, maxProperties }) => additionalProperties !== undefined && maxProperties === undefined)).toEqual([]);
  });

  test('says of every list how it merges', () => {
    expect(missing((node) => node.type === 'array' && node['x-kubernetes-list-type'] === undefined)).toEqual([]);
  });

  test('describes every field for kubectl explain, in sentences', () => {
    const isField = (path: string) => !path.endsWith('[]') && !path.endsWith('{}') && !path.endsWith('.metadata');
    expect(missing(({ description }, path) => isField(path) && !/^[A-Z].*[.]$/s.test(description ?? ''))).toEqual([]);
  });

  test('has a status subresource, a short name, the category and the columns people look for', () => {
    const text = readFileSync(new URL(`../../../crds/${CRD_FILES[kind]}`, import.meta.url), 'utf8');
    expect(parse(text)).toMatchObject({
      spec: {
        group: 'mcpgateway.dev',
        scope: 'Namespaced',
        names: { kind, shortNames: [kind === 'MCPServer' ? 'mcps' : 'gwt'], categories: ['mcpgateway'] },
        versions: [
          {
            name: 'v1alpha1',
            served: true,
            storage: true,
            subresources: { status: {} },
            additionalPrinterColumns: expect.arrayContaining([
              expect.objectContaining({ name: 'Ready' }),
              expect.objectContaining({ name: 'Age', type: 'date' }),
            ]),
          },
        ],
      },
    });
  });

  test('requires spec, whose removal would escape the transition rules on it', () => {
    expect(apiVersion).toBe('mcpgateway.dev/v1alpha1');
    expect([...schema.required]).toContain('spec');
  });
});

test.each(['', 'a: 1', 'spec: {group: a, names: {kind: B}, versions: []}'])('parseCrd refuses %j', (text) => {
  expect(() => parseCrd(text)).toThrow(TypeError);
});
