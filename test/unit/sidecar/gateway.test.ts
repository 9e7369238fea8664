import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../api/gateway-config.gen.ts';
import type { Logger } from '../../../runtime/log.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import type { AuditLog } from '../../../sidecar/audit/log.ts';
import { createSidecarMetrics } from '../../../sidecar/metrics.ts';
import { createCurrentSnapshot } from '../../../sidecar/snapshot/current.ts';
import { createGateway } from '../../../sidecar/gateway.ts';
import type { Gateway, GatewayState } from '../../../sidecar/gateway.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { createAuthority, writeCertifiedKey } from '../../kit/certificates.ts';
import { freePort } from '../../kit/ports.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const stops: (() => Promise<void>)[] = [];
afterEach(async () => void (await Promise.all(stops.splice(0).map((stop) => stop()))));

interface Making {
  readonly gateway: Gateway;
  readonly logged: unknown[][];
  readonly audited: unknown[];
  readonly directory: string;
  metricsText(): Promise<string>;
}

function making(): Making {
  const logged: unknown[][] = [];
  const audited: unknown[] = [];
  const level = (name: string) => (...facts: unknown[]): void => void logged.push([name, ...facts]);
  const audit = { decide: () => undefined, record: () => undefined, event: (event) => void audited.push(event), flush: () => Promise.resolve(), close: () => { audited.push('closed'); return Promise.resolve(); } } satisfies AuditLog;
  const registry = createMetrics();
  const directory = newDirectory();
  const gateway = createGateway({
    directory,
    current: createCurrentSnapshot(),
    clock: systemClock,
    log: { error: level('error'), warn: level('warn'), info: level('info'), debug: level('debug') } as Logger,
    registry,
    metrics: createSidecarMetrics(registry, systemClock),
    createAudit: () => audit,
  });
  stops.push(() => gateway.stop());
  return { gateway, logged, audited, directory, metricsText: async () => (await registry.render()).text };
}

function aConfig(listener: Partial<GatewayConfig['listener']> = {}, admin: Partial<GatewayConfig['admin']> = {}): GatewayConfig {
  return {
    listener: { address: '127.0.0.1', port: 0, plainHTTP: true, allowedHosts: ['Gateway.Example'], allowedOrigins: [], maxConnections: 10, maxBodyBytes: 1000, drainSeconds: 0, ...listener },
    admin: { address: '127.0.0.1', port: 0, ...admin },
    tokens: { lifetimePolicies: [], usageIntervalSeconds: 300 },
    certificates: { publicHosts: [] },
    sidecars: { maxStalenessSeconds: 900 },
    audit: { unauthenticatedPerPeerPerMinute: 60 },
  };
}

function aState(config: GatewayConfig | undefined = aConfig(), changes: Partial<GatewayState> = {}): GatewayState {
  return { config, served: [], refused: [], problems: [], ...changes };
}

const get = (path: string, host = 'localhost'): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const portOf = (url: string): number => Number(new URL(url).port);

describe('a gateway', () => {
  test('does not start before there is a configuration, and says what is wrong with its configuration', async () => {
    const { gateway } = making();
    await expect(gateway.start()).rejects.toMatchObject({ problems: ['the configuration has not been read'] });
    gateway.apply({ ...aState(), config: undefined, problems: ['gateway-config.json: is missing'] });
    await expect(gateway.start()).rejects.toMatchObject({ problems: ['gateway-config.json: is missing'] });
  });

  test('denies everything while its policy is withdrawn, and serves again with the next state', async () => {
    const { gateway } = making();
    const token = aToken();
    const state = aState(aConfig(), { served: [{ bundle: aBundle({ port: await freePort(), tokens: [token] }), upstreamHeaders: [] }] });
    gateway.apply(state);
    const { port, admin } = await gateway.start();
    const call = `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token.text}\r\n\r\n`;
    expect((await sendRaw(port, call)).status).toBe(502);
    gateway.withdraw();
    expect((await sendRaw(port, call)).status).toBe(503);
    expect((await sendRaw(portOf(admin), get('/readyz'))).status).toBe(503);
    gateway.apply(state);
    expect((await sendRaw(port, call)).status).toBe(502);
  });

  test('puts each state in force before apply returns, and puts that on record', async () => {
    const { gateway, audited, metricsText } = making();
    const bundle = aBundle({ port: 1, tokens: [aToken()] });
    gateway.apply(aState(aConfig(), { refused: [{ label: 'default/c', path: '/c' }], problems: ['a', 'b'] }));
    const { port } = await gateway.start();
    expect((await sendRaw(port, get('/mcp'))).status).toBe(404);
    expect((await sendRaw(port, get('/c'))).status).toBe(503);
    expect(await metricsText()).toContain('mcpgateway_config_problems 2');
    gateway.apply(aState(aConfig(), { served: [{ bundle, upstreamHeaders: [] }] }));
    expect((await sendRaw(port, get('/mcp'))).status).toBe(401);
    expect(audited).toContainEqual({ kind: 'snapshot.applied', revision: expect.any(String), servers: 1, problems: 0 });
    expect(await metricsText()).toContain('mcpgateway_config_problems 0');
  });

  test('admits the configured hosts and its own loopback names, and no other', async () => {
    const { gateway } = making();
    gateway.apply(aState());
    const { port } = await gateway.start();
    const statuses = await Promise.all(['gateway.example', 'localhost:1', '127.0.0.1', '[::1]', 'evil.example'].map(async (host) => (await sendRaw(port, get('/x', host))).status));
    expect(statuses).toEqual([404, 404, 404, 404, 403]);
  });

  test('is ready until it drains', async () => {
    const { gateway, audited } = making();
    gateway.apply(aState());
    const { port, admin } = await gateway.start();
    expect((await sendRaw(portOf(admin), get('/readyz'))).status).toBe(200);
    await gateway.stop();
    await expect(openRaw(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(audited.at(-1)).toBe('closed');
  });

  test('that finds the admin port taken leaves nothing listening', async () => {
    const first = making();
    first.gateway.apply(aState());
    const taken = portOf((await first.gateway.start()).admin);
    const { gateway, audited } = making();
    const port = await freePort();
    gateway.apply(aState(aConfig({ port }, { port: taken })));
    await expect(gateway.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(openRaw(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(audited).toContain('closed');
  });

  test.each<[string, GatewayConfig, number]>([
    ['another port', aConfig({ port: 1 }), 1],
    ['other audit settings', { ...aConfig(), audit: { unauthenticatedPerPeerPerMinute: 1 } }, 1],
    ['other lifetimes, which are in force at once', { ...aConfig(), tokens: { usageIntervalSeconds: 300, lifetimePolicies: [{ name: 'all', namespaceSelector: { matchLabels: {} }, minLifetime: '1m', maxLifetime: '1h' }] } }, 0],
  ])('says of %s whether a restart is needed', async (_name, next, warnings) => {
    const { gateway, logged } = making();
    gateway.apply(aState());
    await gateway.start();
    gateway.apply(aState(next));
    expect(logged.filter(([level]) => level === 'warn')).toHaveLength(warnings);
  });
});

describe('the serving certificate of a gateway', () => {
  const tls = { certFile: 'tls.crt', keyFile: 'tls.key' };
  const tlsConfig = aConfig({ plainHTTP: false, tls });

  test('that is missing is named, and nothing listens', async () => {
    const { gateway, directory, audited } = making();
    gateway.apply(aState(tlsConfig));
    await expect(gateway.start()).rejects.toMatchObject({ problems: [`${join(directory, 'tls.crt')}: cannot be read (ENOENT)`] });
    expect(audited).toEqual([]);
  });

  test('is read from the directory, replaced when it changes, and kept when the new one is bad', async () => {
    const { gateway, directory, logged } = making();
    const authority = await createAuthority();
    await writeCertifiedKey(directory, await authority.issue());
    gateway.apply(aState(tlsConfig));
    const { port } = await gateway.start();
    const serial = async (): Promise<string> => {
      const connection = await openRaw(port, { tls: { ca: authority.cert, servername: 'localhost' } });
      const { serialNumber } = (connection.socket as TLSSocket).getPeerCertificate();
      connection.destroy();
      return serialNumber;
    };
    const until = async (message: string): Promise<void> => {
      while (!logged.some(([, text]) => text === message)) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const before = await serial();
    await writeCertifiedKey(directory, await authority.issue());
    await until('serving certificate replaced');
    const replaced = await serial();
    expect(replaced).not.toBe(before);
    rmSync(join(directory, 'tls.key'));
    await until('serving certificate refused, the last good one stays');
    expect(await serial()).toBe(replaced);
  });
});
