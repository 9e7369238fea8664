import { describe, expect, test } from '@jest/globals';
import { assignEndpoints } from '../../../../core/bundle/endpoints.ts';
import type { DefaultAddress } from '../../../../core/bundle/endpoints.ts';
import type { MCPServer } from '../../../../api/v1alpha1/index.ts';
import { aServer } from './kit.ts';

const shared = { path: ({ metadata }: MCPServer): string => `/${metadata.name}`, isOwn: false };
const problemsOf = (servers: readonly MCPServer[], address: DefaultAddress = shared): readonly string[] =>
  assignEndpoints(servers, address).flatMap(({ problems }) => problems.map(({ name, field, problem }) => `${name} ${field} ${problem}`));
const reasonsOf = (servers: readonly MCPServer[]): readonly string[] => assignEndpoints(servers, shared).flatMap(({ problems }) => problems.map(({ reason }) => reason));

test('a server is reached at its public URLs and at its own path on any host', () => {
  const server = aServer('github', { publicURLs: ['https://MCP.example.com:443/github/mcp', 'http://localhost:8080'] });
  const [assigned] = assignEndpoints([server], shared);
  expect(assigned?.endpoints).toEqual([{ host: 'mcp.example.com', path: '/github/mcp' }, { host: 'localhost:8080', path: '/' }, { path: '/github' }]);
});

describe('an address that two servers claim', () => {
  const url = { publicURLs: ['https://mcp.example.com/mcp'] };

  test('stays with the older one, in whatever order they come', () => {
    const older = aServer('zeta', url, { creationTimestamp: '2026-01-01T00:00:00Z' });
    const younger = aServer('alpha', url, { creationTimestamp: '2026-01-02T00:00:00Z' });
    const expected = ['alpha spec.publicURLs[0] is already an address of MCPServer tools/zeta'];
    expect(problemsOf([older, younger])).toEqual(expected);
    expect(problemsOf([younger, older])).toEqual(expected);
  });

  test('stays with the first by name where ages are equal', () => {
    expect(problemsOf([aServer('b', url), aServer('a', url)])).toEqual(['b spec.publicURLs[0] is already an address of MCPServer tools/a']);
  });

  test('may be the path of one on any host', () => {
    expect(problemsOf([aServer('a'), aServer('b', { publicURLs: ['https://x.example/a'] })])).toEqual(['b spec.publicURLs[0] is already an address of MCPServer tools/a']);
    expect(problemsOf([aServer('a', { publicURLs: ['https://x.example/b'] }), aServer('b')])).toEqual(['b metadata.name is already an address of MCPServer tools/a']);
  });

  test('is told apart from a path by its reason', () => {
    expect(reasonsOf([aServer('a', url), aServer('b', url)])).toEqual(['PublicURLTaken']);
    expect(reasonsOf([aServer('a', { publicURLs: ['https://x.example/b'] }), aServer('b')])).toEqual(['PathTaken']);
  });

  test('is not its path alone where each server has a process of its own', () => {
    const own = { path: () => '/mcp', isOwn: true };
    expect(problemsOf([aServer('a'), aServer('b', { publicURLs: ['https://x.example/mcp'] })], own)).toEqual([]);
    expect(problemsOf([aServer('a', url), aServer('b', url)], own)).toEqual(['b spec.publicURLs[0] is already an address of MCPServer tools/a']);
  });

  test('differs by host, port and path', () => {
    const urls = ['https://x.example/m', 'https://y.example/m', 'https://x.example:8443/m', 'https://x.example/m/'];
    expect(problemsOf(urls.map((each, index) => aServer(`s${index}`, { publicURLs: [each] })))).toEqual([]);
  });

  test('is not taken by a server that has lost another one', () => {
    const both = { publicURLs: ['https://x.example/1', 'https://x.example/2'] };
    expect(problemsOf([aServer('a', { publicURLs: ['https://x.example/1'] }), aServer('b', both), aServer('c', { publicURLs: ['https://x.example/2'] })])).toHaveLength(1);
  });
});

test('what is not a URL is a problem', () => {
  expect(problemsOf([aServer('a', { publicURLs: ['https://x.example/', 'nonsense'] })])).toEqual(['a spec.publicURLs[1] is not a URL']);
});
