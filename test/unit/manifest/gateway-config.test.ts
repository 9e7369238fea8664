import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ConfigError } from '../../../core/config-error.ts';
import { createGatewayConfigParser, parseGatewayConfig } from '../../../manifest/gateway-config.ts';

const parseText = createGatewayConfigParser();

function problems(text: string): readonly string[] {
  try {
    parseText(text, 'gateway-config.json');
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}
const problemsOf = (config: unknown): readonly string[] => problems(JSON.stringify(config));
const PLAIN = { listener: { plainHTTP: true } };
const aPolicy = (fields: object) => ({ name: 'ci', namespaceSelector: { matchLabels: {} }, maxLifetime: '24h', ...fields });
const aGrant = (names: readonly string[]) => ({ name: 'a', namespaceSelector: { matchLabels: {} }, hosts: names });
const hosts = (names: readonly string[]) => ({ ...PLAIN, certificates: { publicHosts: [aGrant(names)] } });
const policies = (...list: object[]) => ({ ...PLAIN, tokens: { lifetimePolicies: list.map(aPolicy) } });

describe('a configuration', () => {
  test('has its defaults', () => {
    expect(parseGatewayConfig(JSON.stringify(PLAIN), 'gateway-config.json')).toEqual({
      listener: {
        address: '127.0.0.1',
        port: 8443,
        plainHTTP: true,
        allowedHosts: [],
        allowedOrigins: [],
        maxConnections: 10_000,
        maxBodyBytes: 4_194_304,
        drainSeconds: 20,
      },
      admin: { address: '127.0.0.1', port: 9090 },
      tokens: { lifetimePolicies: [], usageIntervalSeconds: 300 },
      certificates: { publicHosts: [] },
      sidecars: { maxStalenessSeconds: 900 },
      audit: { unauthenticatedPerPeerPerMinute: 60 },
    });
  });

  test('has defaults of its own each time', () => {
    const first = parseText(JSON.stringify(PLAIN), 'a');
    const second = parseText(JSON.stringify(PLAIN), 'a');
    expect(first.listener.allowedHosts).not.toBe(second.listener.allowedHosts);
  });

  test('may say everything', () => {
    const config = {
      $schema: 'https://mcpgateway.dev/schemas/v1alpha1/gateway-config.json',
      listener: {
        address: '::',
        port: 0,
        tls: { certFile: 'tls.crt', keyFile: 'tls.key' },
        plainHTTP: false,
        allowedHosts: ['mcp.example.com:8443', '[::1]'],
        allowedOrigins: ['https://app.example.com'],
        maxConnections: 10,
        maxBodyBytes: 1024,
        drainSeconds: 0,
      },
      admin: { address: '0.0.0.0', port: 0 },
      tokens: { lifetimePolicies: [aPolicy({ minLifetime: '1h', namespaceSelector: { matchLabels: { env: 'prod' } } })], usageIntervalSeconds: 10 },
      certificates: { publicHosts: [{ name: 'a', namespaceSelector: { matchLabels: { team: 'a' } }, hosts: ['mcp.example.com', '*.tools.example.com'] }] },
      sidecars: { maxStalenessSeconds: 60 },
      audit: { unauthenticatedPerPeerPerMinute: 0 },
    };
    expect(parseText(JSON.stringify(config), 'a')).toEqual(config);
  });
});

describe('problems', () => {
  test('all come at once, each with its line and path', () => {
    const text = `{
  "listener": {
    "plainHTTP": true,
    "port": 65536,
    "allowedOrigins": ["*"],
    "prot": 1
  },
  "admin": {"port": "9090"}
}`;
    expect(problems(text)).toEqual([
      'gateway-config.json:6 listener.prot: unknown field',
      'gateway-config.json:4 listener.port: must be at most 65535',
      expect.stringMatching(/^gateway-config\.json:5 listener\.allowedOrigins\[0\]: must match/),
      'gateway-config.json:8 admin.port: must be an integer',
    ]);
  });

  const RULE = 'gateway-config.json:1 listener: exactly one of tls and plainHTTP: true is required';
  test.each([
    [{ listener: {} }, [RULE]],
    [{ listener: { plainHTTP: false } }, [RULE]],
    [{ listener: { plainHTTP: true, tls: { certFile: 'a', keyFile: 'b' } } }, [RULE]],
    [{ listener: { tls: { certFile: 'a' } } }, ['gateway-config.json:1 listener.tls.keyFile: is required']],
    [{}, ['gateway-config.json:1 listener: is required']],
    [[], ['gateway-config.json:1: must be an object']],
    [{ ...PLAIN, sidecars: { maxStalenessSeconds: 59 } }, ['gateway-config.json:1 sidecars.maxStalenessSeconds: must be at least 60']],
    [{ ...PLAIN, sidecars: { maxStalenessSeconds: 86_401 } }, ['gateway-config.json:1 sidecars.maxStalenessSeconds: must be at most 86400']],
    [{ ...PLAIN, tokens: { usageIntervalSeconds: 9 } }, ['gateway-config.json:1 tokens.usageIntervalSeconds: must be at least 10']],
    [policies({ maxLifetime: '1d' }), ['gateway-config.json:1 tokens.lifetimePolicies[0].maxLifetime: must be a Go duration such as 15m or 24h']],
    [policies({ minLifetime: '25h' }), ['gateway-config.json:1 tokens.lifetimePolicies[0].minLifetime: must not exceed maxLifetime']],
    [policies({}, {}), ['gateway-config.json:1 tokens.lifetimePolicies[1].name: another policy has the same name']],
    [hosts(['mcp.tools.svc']), ['gateway-config.json:1 certificates.publicHosts[0].hosts[0]: must not be the name of a Service']],
    [hosts(['a.example', '*.svc.cluster.local']), ['gateway-config.json:1 certificates.publicHosts[0].hosts[1]: must not be the name of a Service']],
    [hosts([]), ['gateway-config.json:1 certificates.publicHosts[0].hosts: must not be empty']],
    ...['*', '*.com', 'com', 'A.example', '10.0.0.7', '[::1]', 'a.example:443', 'https://a.example', 'a.*.example', '**.a.example', 'a..example', '.a.example', 'a.example.', 'a.-example', ''].map(
      (host): [unknown, unknown[]] => [hosts([host]), [expect.stringMatching(/^gateway-config\.json:1 certificates\.publicHosts\[0\]\.hosts\[0\]: must /)]],
    ),
    [{ ...PLAIN, certificates: { publicHosts: [aGrant(['a.example']), aGrant(['b.example'])] } }, ['gateway-config.json:1 certificates.publicHosts[1].name: another entry has the same name']],
    [{ ...PLAIN, certificates: { publicHosts: [{ name: 'a', hosts: ['a.example'] }] } }, ['gateway-config.json:1 certificates.publicHosts[0].namespaceSelector: is required']],
    [policies({ namespaceSelector: {} }), ['gateway-config.json:1 tokens.lifetimePolicies[0].namespaceSelector.matchLabels: is required']],
  ])('%j', (config, expected) => {
    expect(problemsOf(config)).toEqual(expected);
  });

  test.each([
    ['{"listener": {"plainHTTP": true, "plainHTTP": true}}', 'gateway-config.json:1: this key is there twice'],
    ['{"listener": {"plainHTTP": true, "plain\\u0048TTP": false}}', 'gateway-config.json:1: this key is there twice'],
    ['{"__proto__": {}, "listener": {"plainHTTP": true}}', 'gateway-config.json:1: this key is not accepted'],
    ['listener: {plainHTTP: true}', 'gateway-config.json:1: is not JSON'],
    ['{"listener": {"plainHTTP": true},}', 'gateway-config.json:1: is not JSON'],
    ['', 'gateway-config.json:1: is not JSON'],
    ['null', 'gateway-config.json:1: must be an object'],
  ])('%s', (text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  test('are all that ever comes of a text', () => {
    const text = JSON.stringify(policies({ minLifetime: '1h' }));
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(5), fc.oneof(fc.string({ maxLength: 3 }), fc.json()), (at, remove, insert) => {
        expect(Array.isArray(problems(text.slice(0, at) + insert + text.slice(at + remove)))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
