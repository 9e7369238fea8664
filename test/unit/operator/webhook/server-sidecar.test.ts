import { expect, test } from '@jest/globals';
import { serverSidecar } from '../../../../operator/webhook/server-sidecar.ts';
import { aGuardedServer, SETTINGS } from '../../../kit/pod-examples.ts';

test('a server has the container and volumes that its spec and its overrides make', () => {
  const server = aGuardedServer({ tls: { secretRef: { name: 'tls' } }, sidecar: { image: 'a:1', logLevel: 'warn', resources: { limits: { memory: '1Gi' } } } });
  const { container, volumes } = serverSidecar(server, SETTINGS, { probes: [{ container: 'server', kind: 'liveness', timeoutSeconds: 1 }], drainSeconds: 7 });
  expect(container).toMatchObject({
    image: 'a:1',
    resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '1Gi' } },
    env: expect.arrayContaining([
      { name: 'MCPGATEWAY_LOG_LEVEL', value: 'warn' },
      { name: 'MCPGATEWAY_CERTIFICATE_SOURCE', value: 'Secret' },
      { name: 'MCPGATEWAY_DRAIN_SECONDS', value: '7' },
      { name: 'MCPGATEWAY_PROBES', value: '{"port":3000,"probes":[{"container":"server","kind":"liveness","timeoutSeconds":1}]}' },
    ]),
  });
  expect(volumes.map(({ name }) => name)).toContain('mcp-gateway-secrets');
});
