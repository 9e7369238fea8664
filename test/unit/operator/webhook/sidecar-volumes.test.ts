import { describe, expect, test } from '@jest/globals';
import { sidecarVolumes } from '../../../../operator/webhook/sidecar-volumes.ts';
import { aGuardedServer, SETTINGS } from '../../../kit/pod-examples.ts';

const REF = { namespace: 'tools', name: 'github' };
const volume = (name: string, spec = aGuardedServer().spec): unknown => sidecarVolumes(SETTINGS, REF, spec).find((one) => one['name'] === name);

describe('the volumes of the sidecar', () => {
  test('hold a token of an hour for this server', () => {
    expect(volume('mcp-gateway-identity')).toEqual({
      name: 'mcp-gateway-identity',
      projected: { sources: [{ serviceAccountToken: { audience: 'mcpgateway.dev/tools/github', expirationSeconds: 3600, path: 'token' } }], defaultMode: 420 },
    });
  });

  test('hold the authorities, and let the pod start without them', () => {
    expect(volume('mcp-gateway-authorities')).toEqual({
      name: 'mcp-gateway-authorities',
      configMap: { name: 'mcpgateway-authorities', items: [{ key: 'ca.crt', path: 'ca.crt' }], defaultMode: 420, optional: true },
    });
  });

  test('keep bundle and keys in memory, bounded', () => {
    expect(volume('mcp-gateway-bundle')).toEqual({ name: 'mcp-gateway-bundle', emptyDir: { medium: 'Memory', sizeLimit: '32Mi' } });
    expect(volume('mcp-gateway-tls')).toEqual({ name: 'mcp-gateway-tls', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } });
  });

  test('have none for Secrets when the server names none', () => {
    expect(volume('mcp-gateway-secrets')).toBeUndefined();
  });

  test('hold the named keys of Secrets once each, and the certificate apart from a Secret of any name', () => {
    const secretRef = { name: 'serving', key: 'tls.crt' };
    const spec = aGuardedServer({
      upstream: { port: 1, path: '/', transport: 'StreamableHTTP', directAccess: 'Blocked', credentials: [{ header: 'A', prefix: '', secretRef }, { header: 'B', prefix: '', secretRef }] },
      tls: { secretRef: { name: 'serving' } },
    }).spec;
    expect(volume('mcp-gateway-secrets', spec)).toMatchObject({
      projected: {
        sources: [
          { secret: { name: 'serving', items: [{ key: 'tls.crt', path: 'credentials/serving/tls.crt' }], optional: true } },
          { secret: { name: 'serving', items: [{ key: 'tls.crt', path: 'serving/tls.crt' }, { key: 'tls.key', path: 'serving/tls.key' }], optional: true } },
        ],
      },
    });
  });
});
