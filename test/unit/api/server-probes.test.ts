import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { WireError } from '../../../api/wire-shape.ts';
import { formatServerProbes, isProbePossible, MOST_PROBES, parseServerProbes, probePath } from '../../../api/server-probes.ts';
import type { ServerProbe, ServerProbes } from '../../../api/server-probes.ts';

const TCP: ServerProbe = { container: 'server', kind: 'liveness', timeoutSeconds: 1 };
const HTTP: ServerProbe = { container: 'server', kind: 'readiness', timeoutSeconds: 2, http: { path: '/ready?x=$(HOME)', headers: [{ name: 'X-A', value: 'a b' }] } };
const PROBES: ServerProbes = { port: 3000, probes: [TCP, HTTP] };
const changed = (change: Partial<ServerProbe>): ServerProbe => ({ ...HTTP, ...change });
const path = (text: string): ServerProbe => changed({ http: { path: text, headers: [] } });
const header = (name: string, value: string): ServerProbe => changed({ http: { path: '/', headers: [{ name, value }] } });

describe('probes for the sidecar', () => {
  test('come out as they went in, and without a reference that the kubelet would resolve', () => {
    const text = formatServerProbes(PROBES);
    expect(parseServerProbes(text)).toEqual(PROBES);
    expect(text).not.toContain('$');
    expect(text.startsWith('{"port":3000,"probes":[')).toBe(true);
  });

  test('have a place each', () => {
    expect(PROBES.probes.map(probePath)).toEqual(['/probe/server/liveness', '/probe/server/readiness']);
  });

  test.each([
    ['no JSON', '{'],
    ['no port', '{"probes":[]}'],
    ['port 0', '{"port":0,"probes":[]}'],
    ['a port that is none', '{"port":65536,"probes":[]}'],
    ['an address', '{"port":1,"host":"10.0.0.1","probes":[]}'],
    ['an unknown member of a probe', formatServerProbes({ port: 1, probes: [{ ...TCP, host: '10.0.0.1' } as ServerProbe] })],
    ['a port twice', '{"port":1,"port":2,"probes":[]}'],
    ['spaces', '{"port": 1,"probes":[]}'],
    ['a probe twice', formatServerProbes({ port: 1, probes: [TCP, { ...TCP, timeoutSeconds: 2 }] })],
    ['too many', formatServerProbes({ port: 1, probes: Array.from({ length: MOST_PROBES + 1 }, (_, index) => ({ ...TCP, container: `c${index}` })) })],
  ])('are refused with %s', (_title, text) => {
    expect(() => parseServerProbes(text)).toThrow(WireError);
  });

  test('throw nothing else, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseServerProbes(text);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});

describe('a probe', () => {
  test.each<[string, ServerProbe]>([
    ['of a port', TCP],
    ['of a path', HTTP],
    ['of the root', path('/')],
    ['with a query', path('/a?b=c&d=%20')],
  ])('may be one %s', (_title, probe) => {
    expect(isProbePossible(probe)).toBe(true);
  });

  test.each<[string, ServerProbe]>([
    ['of no container', changed({ container: '' })],
    ['of a container that is a path', changed({ container: 'a/b' })],
    ['that takes no time', changed({ timeoutSeconds: 0 })],
    ['that takes hours', changed({ timeoutSeconds: 301 })],
    ['of a relative path', path('a')],
    ['of another host', path('http://10.0.0.1/')],
    ['with a line break', path('/\r\nX: y')],
    ['with a space', path('/a b')],
    ['with a fragment', path('/a#b')],
    ['with a long path', path(`/${'a'.repeat(512)}`)],
    ['with a header name that is none', header('X A', 'b')],
    ['with a line break in a header', header('X-A', 'b\r\nX-B: c')],
    ['with nine headers', changed({ http: { path: '/', headers: Array.from({ length: 9 }, () => ({ name: 'A', value: 'b' })) } })],
  ])('may not be one %s', (_title, probe) => {
    expect(isProbePossible(probe)).toBe(false);
  });
});

test('as many and as long as may be, they fit into a variable of the environment', () => {
  const http = { path: `/${'a'.repeat(511)}`, headers: Array.from({ length: 8 }, () => ({ name: 'a'.repeat(64), value: 'b'.repeat(256) })) };
  const probes = Array.from({ length: MOST_PROBES }, (_, index) => ({ container: `${'c'.repeat(60)}${100 + index}`, kind: 'readiness' as const, timeoutSeconds: 300, http }));
  const text = formatServerProbes({ port: 65_535, probes });
  expect(parseServerProbes(text).probes).toHaveLength(MOST_PROBES);
  expect(Buffer.byteLength(text)).toBeLessThan(128 * 1024);
});
