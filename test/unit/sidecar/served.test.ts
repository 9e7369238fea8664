import { describe, expect, test } from '@jest/globals';
import type { Bundle } from '../../../api/bundle.ts';
import { servedBundles } from '../../../sidecar/served.ts';
import { aBundle } from '../../kit/bundles.ts';

function withCredentials(...keys: readonly string[]): Bundle {
  const bundle = aBundle({ port: 1 });
  const credentials = keys.map((key) => ({ header: `x-${key}`, prefix: 'Token ', secret: { name: 'pat', key } }));
  return { ...bundle, upstream: { ...bundle.upstream, credentials } };
}

const secrets = (namespace: string, name: string, key: string): string | undefined =>
  namespace === 'default' && name === 'pat' && key !== 'missing' ? `value-of-${key}` : undefined;

describe('what is served', () => {
  test('has the credentials of its upstream, from its own namespace, and says where they came from', () => {
    const bundle = withCredentials('a', 'b');
    expect(servedBundles([bundle], secrets)).toEqual([{
      bundle,
      upstreamHeaders: [
        { name: 'x-a', value: 'Token value-of-a', reference: 'secret/pat#a' },
        { name: 'x-b', value: 'Token value-of-b', reference: 'secret/pat#b' },
      ],
    }]);
  });

  test('needs none where none is declared', () => {
    expect(servedBundles([withCredentials()], secrets).map(({ upstreamHeaders }) => upstreamHeaders)).toEqual([[]]);
  });

  test('has no credential at all while one is missing, and another server is not concerned', () => {
    const bundles = [withCredentials('a', 'missing'), withCredentials('a')];
    expect(servedBundles(bundles, secrets).map(({ upstreamHeaders }) => upstreamHeaders?.length)).toEqual([undefined, 1]);
  });
});
