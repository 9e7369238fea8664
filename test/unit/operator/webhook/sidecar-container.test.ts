import { describe, expect, test } from '@jest/globals';
import { DIRECTORIES, PORT_NAMES } from '../../../../operator/webhook/names.ts';
import { ENVIRONMENT } from '../../../../api/sidecar-environment.ts';
import { sidecarContainer } from '../../../../operator/webhook/sidecar-container.ts';
import { sidecarVolumes } from '../../../../operator/webhook/sidecar-volumes.ts';
import { aGuardedServer, SETTINGS } from '../../../kit/pod-examples.ts';

const server = { namespace: 'tools', name: 'github' };
const probes = { port: 3000, probes: [{ container: 'server', kind: 'liveness', timeoutSeconds: 1 }] } as const;
const quiet = { drainSeconds: 20, probes: { port: 3000, probes: [] } };
const container = sidecarContainer(SETTINGS, { drainSeconds: 20, probes, server, ownCertificate: false, hosts: ['github-mcp', 'github-mcp.tools.svc'], secrets: false });

describe('the sidecar', () => {
  test('is native, and its probes need no bundle to start and one to be ready', () => {
    expect(container).toMatchObject({
      name: 'mcp-gateway',
      restartPolicy: 'Always',
      startupProbe: { httpGet: { path: '/healthz', port: 'mcpgw-admin', scheme: 'HTTP' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'mcpgw-admin', scheme: 'HTTP' } },
      livenessProbe: { httpGet: { path: '/healthz', port: 'mcpgw-admin', scheme: 'HTTP' } },
    });
  });

  test('is told everything by name, each once, in plain values and fields of its pod', () => {
    const env = container['env'] as { name: string; value?: string; valueFrom?: object }[];
    expect(new Set(env.map(({ name }) => name))).toEqual(new Set(Object.values(ENVIRONMENT)));
    expect(env).toHaveLength(Object.keys(ENVIRONMENT).length);
    expect(Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]))).toEqual({
      MCPGATEWAY_NAMESPACE: 'tools',
      MCPGATEWAY_SERVER: 'github',
      MCPGATEWAY_HOSTS: 'github-mcp,github-mcp.tools.svc',
      MCPGATEWAY_POD_NAME: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } },
      MCPGATEWAY_POD_UID: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.uid' } },
      MCPGATEWAY_POD_IPS: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIPs' } },
      MCPGATEWAY_OPERATOR_ADDRESS: SETTINGS.operatorAddress,
      MCPGATEWAY_LOG_LEVEL: 'info',
      MCPGATEWAY_HTTPS_PORT: '8443',
      MCPGATEWAY_PEER_PORT: '8445',
      MCPGATEWAY_ADMIN_PORT: '9901',
      MCPGATEWAY_IDENTITY_DIRECTORY: DIRECTORIES.identity,
      MCPGATEWAY_AUTHORITIES_DIRECTORY: DIRECTORIES.authorities,
      MCPGATEWAY_BUNDLE_DIRECTORY: DIRECTORIES.bundle,
      MCPGATEWAY_TLS_DIRECTORY: DIRECTORIES.tls,
      MCPGATEWAY_SECRETS_DIRECTORY: DIRECTORIES.secrets,
      MCPGATEWAY_CERTIFICATE_SOURCE: 'Operator',
      MCPGATEWAY_DRAIN_SECONDS: '20',
      MCPGATEWAY_PROBES: '{"port":3000,"probes":[{"container":"server","kind":"liveness","timeoutSeconds":1}]}',
    });
  });

  test('is told of no probes where there are none', () => {
    expect(JSON.stringify(sidecarContainer(SETTINGS, { ...quiet, server, ownCertificate: false, hosts: [], secrets: false }))).not.toContain('MCPGATEWAY_PROBES');
  });

  test('knows when its certificate comes from a Secret', () => {
    expect(JSON.stringify(sidecarContainer(SETTINGS, { ...quiet, server, ownCertificate: true, hosts: [], secrets: true })['env'])).toContain('{"name":"MCPGATEWAY_CERTIFICATE_SOURCE","value":"Secret"}');
  });

  test('mounts exactly the volumes that there are, and writes to two', () => {
    const own = aGuardedServer({ tls: { secretRef: { name: 'tls' } } });
    for (const [spec, secrets] of [[aGuardedServer().spec, false], [own.spec, true]] as const) {
      const mounts = sidecarContainer(SETTINGS, { ...quiet, server, ownCertificate: secrets, hosts: [], secrets })['volumeMounts'] as { name: string; readOnly?: boolean }[];
      expect(mounts.map(({ name }) => name)).toEqual(sidecarVolumes(SETTINGS, server, spec).map(({ name }) => name));
      expect(mounts.filter(({ readOnly }) => readOnly !== true).map(({ name }) => name)).toEqual(['mcp-gateway-bundle', 'mcp-gateway-tls']);
    }
  });

  test('has port names that fit', () => {
    for (const name of Object.values(PORT_NAMES)) expect(name).toMatch(/^[a-z][a-z-]{0,14}$/);
  });
});
