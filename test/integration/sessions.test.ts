/**
 * Sessions of the older era with several pods: a real API server and operator, sidecar processes in front of real MCP
 * servers, a client that reaches another pod with each connection, and no store that they share.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Agent, fetch as fetchThrough } from 'undici';
import { parseHolder } from '../../sidecar/session/holder.ts';
import { startBalancer } from '../kit/balancer.ts';
import type { Balancer } from '../kit/balancer.ts';
import { createAuthority } from '../kit/certificates.ts';
import { serverYaml, tokenYaml } from '../kit/declared.ts';
import { eventually } from '../kit/eventually.ts';
import { startEverything } from '../kit/everything.ts';
import type { EverythingServer } from '../kit/everything.ts';
import { createKubectl } from '../kit/kubectl.ts';
import { freePorts, installOperator, registerWebhook, startOperatorProcess } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { freePort } from '../kit/ports.ts';
import { startPod } from '../kit/simulated-pod.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
const REPLICA = '127.0.0.1';
const ADDRESSES = ['127.0.0.11', '127.0.0.12'] as const;
const CALLS = 24;
let tools: string;
let operator: OperatorProcess;
let pods: SimulatedPod[];
let servers: EverythingServer[];
let balancer: Balancer;
let agent: Agent;
let token: string;

const { kubectl, wait, secretOf } = createKubectl(cluster, () => tools);

/** Its certificate is its own: what peers prove themselves with is the operator's all the same. */
const objects = (port: number): string =>
  `${serverYaml({ namespace: tools, name: 'everything', port, more: ['tls: {secretRef: {name: everything-tls}}'] })}---${tokenYaml({ namespace: tools, name: 'ci', permissions: '[{serverRefs: [{name: everything}], tools: ["*"], prompts: ["*"], resources: ["*"]}]' })}`;

beforeAll(async () => {
  pods = [];
  servers = [];
  const home = await cluster().namespace('mcpgateway');
  tools = await cluster().namespace('tools');
  const ports = await freePorts();
  const account = await installOperator(cluster(), home, ports);
  operator = await startOperatorProcess({ namespace: home, name: 'operator-0', kubeconfig: account, address: REPLICA, ports });
  await registerWebhook(cluster(), home, { address: REPLICA, port: ports.webhook });
  const [upstreamPort, peerPort] = [await freePort(), await freePort()];
  await kubectl(['apply', '-f', '-'], objects(upstreamPort));
  const host = `everything-mcp.${tools}.svc`;
  const authority = await createAuthority();
  const { cert, key } = await authority.issue({ names: [host] });
  for (const [index, address] of ADDRESSES.entries()) {
    servers.push(await startEverything({ address, port: upstreamPort }));
    pods.push(await startPod({
      cluster: cluster(), namespace: tools, name: `everything-${String(index)}`, server: 'everything', replicas: [REPLICA], ip: address, peerPort,
      secrets: { 'serving/tls.crt': cert, 'serving/tls.key': key },
    }));
  }
  await wait('condition=Enforced', 'gwt/ci');
  token = await secretOf('ci');
  balancer = await startBalancer(pods.map(({ port }) => port), 20_261_124);
  // Every request on a connection of its own: each is one more choice of a pod.
  agent = new Agent({ pipelining: 0, connect: { ca: authority.cert, lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]) } });
}, 120_000);
afterAll(async () => {
  await agent.destroy();
  await balancer.stop();
  for (const pod of pods) await pod.stop();
  for (const server of servers) await server.stop();
  await operator.kill('SIGTERM');
});

interface Connected {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  /** Data of the server's own messages, as they arrive over the stream. */
  readonly logged: string[];
  /** Where its session is. */
  readonly holder: SimulatedPod;
}

async function connectClient(): Promise<Connected> {
  const client = new Client({ name: 'several-pods', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(`https://everything-mcp.${tools}.svc:${String(balancer.port)}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: (url, init) => fetchThrough(url, { ...init, dispatcher: agent } as never) as never,
  });
  const logged: string[] = [];
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(String(params.data)));
  await client.connect(transport);
  const podUid = parseHolder(transport.sessionId?.split('.')[2] ?? '')?.podUid;
  const holder = pods.find(({ uid }) => uid === podUid);
  if (holder === undefined) throw new Error('the session names no pod of this server');
  return { client, transport, logged, holder };
}

const echo = async ({ client }: Connected, message: string): Promise<string> => JSON.stringify((await client.callTool({ name: 'echo', arguments: { message } })).content);
const otherThan = (holder: SimulatedPod): SimulatedPod => pods.find((pod) => pod !== holder) ?? holder;
const connectionsTo = ({ port }: SimulatedPod): number => balancer.chosen.get(port) ?? 0;
/** Only one process knows the session: what was begun in a pod is never carried out in another. */
const sessionsOf = (server: EverythingServer | undefined): number => server?.lines.filter((line) => line.includes('Session initialized')).length ?? 0;

describe('a session behind several pods', () => {
  test('works whichever pod each connection reaches, from its beginning to its end', async () => {
    const connected = await connectClient();
    const { client, transport, logged, holder } = connected;
    const before = connectionsTo(otherThan(holder));
    expect((await client.listTools()).tools.length).toBeGreaterThan(5);
    for (let call = 0; call < CALLS; call += 1) expect(await echo(connected, `call ${String(call)}`)).toContain(`call ${String(call)}`);
    expect(connectionsTo(otherThan(holder))).toBeGreaterThan(before);
    await client.callTool({ name: 'toggle-simulated-logging', arguments: {} });
    await eventually('a message of the server', async () => (logged.length > 0 ? true : undefined));
    expect(servers.map(sessionsOf).toSorted((one, other) => one - other)).toEqual([0, 1]);
    // Both wrote what they did, and each which record of the other belongs to it.
    const handed = await eventually('the record of a call that was handed over', async () =>
      otherThan(holder).auditLines().find(({ event, upstream }) => event === 'tools/call.close' && (upstream as { pod?: string }).pod === holder.uid));
    const { req } = handed['http'] as { req: string };
    const taken = await eventually('the record of the pod that took it', async () => holder.auditLines().find(({ http }) => (http as { from?: { req: string } } | undefined)?.from?.req === req));
    expect([handed['outcome'], taken['outcome'], (taken['http'] as { peer: string }).peer]).toEqual(['allowed', 'allowed', '127.0.0.1']);
    await transport.terminateSession();
    await client.close();
    await eventually('the end of the session', async () => servers.find(({ lines }) => lines.some((line) => line.includes('Received session termination request'))));
  }, 60_000);

  test.each<[string, (holder: SimulatedPod) => SimulatedPod]>([
    ['that holds it', (holder) => holder],
    ['that does not hold it', otherThan],
  ])('goes on when the sidecar of the pod %s starts again', async (_which, choose) => {
    const connected = await connectClient();
    expect(await echo(connected, 'before')).toContain('before');
    const restarted = choose(connected.holder);
    balancer.spreadOver([otherThan(restarted).port]);
    const restarting = restarted.restartSidecar();
    await restarting;
    expect(await echo(connected, 'through the other pod')).toContain('through the other pod');
    balancer.spreadOver(pods.map(({ port }) => port));
    for (let call = 0; call < CALLS / 2; call += 1) expect(await echo(connected, `again ${String(call)}`)).toContain(`again ${String(call)}`);
    await connected.client.close();
  }, 60_000);

  test('is unknown once its pod is gone for good, and the client begins another', async () => {
    const connected = await connectClient();
    const { holder } = connected;
    expect(await echo(connected, 'before')).toContain('before');
    const left = otherThan(holder);
    await kubectl(['delete', 'pod', holder.name, '-n', tools, '--grace-period=0', '--force']);
    await holder.stop();
    balancer.spreadOver([left.port]);
    await expect(echo(connected, 'after')).rejects.toMatchObject({ code: 404 });
    await connected.client.close();
    const again = await connectClient();
    expect(again.holder).toBe(left);
    expect(await echo(again, 'anew')).toContain('anew');
    await again.client.close();
    await eventually('the record of what was lost', async () => left.auditLines().find(({ reason }) => reason === 'ERR_SESSION_HOLDER_UNREACHABLE'));
  }, 60_000);
});
