/**
 * The whole product for one test file: an account with its policies, a webhook, one server behind a spy, operators and
 * sidecars as processes. The test starts, ends and disturbs them.
 */
import { aCall } from './calls.ts';
import type { Kubeconfig } from './cluster-access.ts';
import type { ControlPlane } from './control-plane.ts';
import { serverYaml, tokenYaml, toolsOf } from './declared.ts';
import { createKubectl } from './kubectl.ts';
import type { Kubectl } from './kubectl.ts';
import { freePorts, installOperator, registerWebhook, startOperatorProcess } from './operator-process.ts';
import type { OperatorProcess, OperatorProcessOptions } from './operator-process.ts';
import { sendRaw } from './raw-http.ts';
import { startPod } from './simulated-pod.ts';
import type { PodOptions, SimulatedPod } from './simulated-pod.ts';
import { answerJson } from './spy-scripts.ts';
import { startSpyUpstream } from './spy-upstream.ts';
import type { SpyUpstream } from './spy-upstream.ts';

/** One for each replica, in order. */
export const REPLICAS = ['127.0.0.1', '127.0.0.2'] as const;
const SERVER = 'github';

export interface GuardedCluster extends Kubectl {
  /** Namespace of the operator, and of what it guards. */
  readonly home: string;
  readonly tools: string;
  readonly account: Kubeconfig;
  readonly spy: SpyUpstream;
  /** All replicas have the same. */
  readonly ports: OperatorProcess['ports'];
  /** Replica 0 or 1; it listens when this resolves. */
  startOperator(replica: 0 | 1, options?: Partial<OperatorProcessOptions>): Promise<OperatorProcess>;
  /** After the first operator: pods can be made from then on. */
  guard(): Promise<void>;
  /** Of a leader that is dead: saves the 15 s until its time is up. */
  clearLease(): Promise<void>;
  addPod(name: string, options?: Partial<PodOptions>): Promise<SimulatedPod>;
  applyToken(name: string): Promise<void>;
  revoke(name: string): Promise<void>;
  /** Ends everything that was started. */
  stop(): Promise<void>;
}

export async function createGuardedCluster(cluster: ControlPlane): Promise<GuardedCluster> {
  const home = await cluster.namespace('mcpgateway');
  const tools = await cluster.namespace('tools');
  const spy = await startSpyUpstream({ script: answerJson() });
  const ports = await freePorts();
  const account = await installOperator(cluster, home, ports);
  const kit = createKubectl(() => cluster, () => tools);
  const operators = new Set<OperatorProcess>();
  const pods: SimulatedPod[] = [];
  return {
    ...kit, home, tools, account, spy, ports,
    async startOperator(replica, options = {}) {
      const operator = await startOperatorProcess({ namespace: home, name: `operator-${String(replica)}`, kubeconfig: account, address: REPLICAS[replica], ports, ...options });
      operators.add(operator);
      void operator.exited.then(() => operators.delete(operator));
      return operator;
    },
    async guard() {
      await registerWebhook(cluster, home, { address: REPLICAS[0], port: ports.webhook });
      await kit.kubectl(['apply', '-f', '-'], serverYaml({ namespace: tools, name: SERVER, port: spy.port }));
      // A pod is refused while the replica that is asked has not seen the server.
      await kit.wait('condition=Accepted', `mcps/${SERVER}`);
    },
    clearLease: async () => void (await cluster.request('DELETE', `/apis/coordination.k8s.io/v1/namespaces/${home}/leases/mcpgateway-operator`)),
    async addPod(name, options = {}) {
      const pod = await startPod({ cluster, namespace: tools, name, server: SERVER, replicas: REPLICAS, ...options });
      pods.push(pod);
      return pod;
    },
    applyToken: async (name) => void (await kit.kubectl(['apply', '-f', '-'], tokenYaml({ namespace: tools, name, permissions: toolsOf(SERVER) }))),
    revoke: async (name) => void (await kit.kubectl(['patch', 'gwt', name, '-n', tools, '--type=merge', '-p', '{"spec":{"revoked":true}}'])),
    async stop() {
      for (const pod of pods) await pod.stop();
      for (const operator of [...operators]) await operator.kill('SIGKILL');
      await spy.stop();
    },
  };
}

/** One call of a tool that the token grants; the answer's status. */
export async function statusOfCall(pod: SimulatedPod, token: string): Promise<number> {
  return (await sendRaw(pod.port, callBytes(token), { tls: { rejectUnauthorized: false } })).status;
}

export function callBytes(token: string): string {
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_issue', arguments: {} } };
  return aCall(token, call).replace('Host: localhost', `Host: ${SERVER}-mcp`);
}
