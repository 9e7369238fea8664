import { describe, expect, test } from '@jest/globals';
import type { MCPServer } from '../../../api/v1alpha1/index.ts';
import { publicHosts } from '../../../core/public-hosts.ts';
import { aGuardedServer } from '../../kit/pod-examples.ts';

const aServer = (name: string, publicURLs: readonly string[], { namespace = 'tools', createdAt = '2026-11-01T00:00:00Z' } = {}): MCPServer =>
  aGuardedServer({ publicURLs }, { name, namespace, creationTimestamp: createdAt });
const entry = (hosts: readonly string[], matchLabels: Readonly<Record<string, string>> = {}) => ({ name: 'a', namespaceSelector: { matchLabels }, hosts });
const LABELS: Readonly<Record<string, Readonly<Record<string, string>>>> = { tools: { team: 'a' }, desk: { team: 'b' } };

function hostsOf(server: MCPServer, entries: readonly ReturnType<typeof entry>[], others: readonly MCPServer[] = []): readonly string[] {
  return publicHosts(server, { servers: [server, ...others], namespaceLabels: (namespace) => LABELS[namespace], config: { certificates: { publicHosts: entries } } });
}

describe('the public hosts of a certificate', () => {
  test.each<[string, readonly string[], readonly string[], readonly string[]]>([
    ['none where nothing is allowed', ['https://mcp.example.com/a'], [], []],
    ['the host that is allowed', ['https://mcp.example.com/a'], ['mcp.example.com'], ['mcp.example.com']],
    ['without its port', ['https://mcp.example.com:8443/a'], ['mcp.example.com'], ['mcp.example.com']],
    ['each once', ['https://mcp.example.com/a', 'https://mcp.example.com/b'], ['mcp.example.com', '*.example.com'], ['mcp.example.com']],
    ['no other one', ['https://mcp.example.com/a', 'https://mcp.example.org/a'], ['mcp.example.org'], ['mcp.example.org']],
    ['one label for an asterisk', ['https://a.example.com/a', 'https://example.com', 'https://b.a.example.com'], ['*.example.com'], ['a.example.com']],
    ['nothing that only ends alike', ['https://evilexample.com', 'https://mcp.example.com.evil.org'], ['*.example.com', 'example.com'], []],
    ['no part of a host', ['https://a.mcp.example.com'], ['mcp.example.com'], []],
    ['no address', ['https://[::1]/a'], ['*.example.com'], []],
  ])('are %s', (_title, urls, allowed, expected) => {
    expect(hostsOf(aServer('github', urls), [entry(allowed)])).toEqual(expected);
  });

  test('are those of every entry that selects the namespace, by its labels or its name', () => {
    const server = aServer('github', ['https://a.example.com', 'https://b.example.com', 'https://c.example.com']);
    expect(hostsOf(server, [entry(['a.example.com'], { team: 'a' }), entry(['b.example.com'], { team: 'b' }), entry(['c.example.com'], { 'kubernetes.io/metadata.name': 'tools' })])).toEqual(['a.example.com', 'c.example.com']);
  });

  test('are none by a label where the labels are not known', () => {
    expect(hostsOf(aServer('x', ['https://a.example.com'], { namespace: 'unknown' }), [entry(['a.example.com'], { team: 'a' })])).toEqual([]);
  });

  test('are none of a server whose URL an older one has, also where another of its URLs is its own', () => {
    const older = aServer('older', ['https://a.example.com/mcp'], { namespace: 'desk', createdAt: '2026-10-01T00:00:00Z' });
    const younger = aServer('younger', ['https://b.example.com/mcp', 'https://a.example.com/mcp']);
    const allowed = [entry(['*.example.com'])];
    expect(hostsOf(younger, allowed, [older])).toEqual([]);
    expect(hostsOf(older, allowed, [younger])).toEqual(['a.example.com']);
  });

  test('may be shared by servers of different paths', () => {
    const other = aServer('other', ['https://a.example.com/other'], { createdAt: '2026-10-01T00:00:00Z' });
    expect(hostsOf(aServer('github', ['https://a.example.com/github']), [entry(['a.example.com'])], [other])).toEqual(['a.example.com']);
  });

  test('are none of a server that is not there', () => {
    const config = { certificates: { publicHosts: [entry(['a.example.com'])] } };
    expect(publicHosts(aServer('gone', ['https://a.example.com']), { servers: [], namespaceLabels: () => ({}), config })).toEqual([]);
  });
});
