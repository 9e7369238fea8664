/** Whether a server can be reached without its sidecar, by what its sidecars say and by what the operator tried. Pure. */
import type { ExposureReport } from '../../../api/bundle-stream.ts';
import type { ConditionReason } from '../../../api/conditions.ts';
import type { MCPServer } from '../../../api/v1alpha1/index.ts';
import type { BypassFindings } from '../../bypass/prober.ts';
import type { Finding } from '../../kube/conditions.ts';
import { PORT_NAMES } from '../../webhook/names.ts';
import { named } from './named.ts';

/** A live pod of the server. */
export interface PodExposure {
  readonly name: string;
  readonly uid: string;
  /** Being deleted. Its server may still be reached, but that nothing answers any more says nothing. */
  readonly isEnding: boolean;
  /** What its sidecar said last; `undefined`: nothing. */
  readonly report: ExposureReport | undefined;
}

export interface BypassFacts {
  readonly server: MCPServer;
  readonly pods: readonly PodExposure[];
  /** `undefined`: the operator has not tried yet. */
  readonly bypass: BypassFindings | undefined;
}

type ExposureFinding<Type extends string> = Finding<Type, ConditionReason>;

const NO_PODS = { status: 'Unknown', reason: 'NoPods', message: 'There is no pod to look at.' } as const;

/** What is known to be wrong with one pod is said, also while another has said nothing yet. */
export function loopbackOnly({ server, pods }: BypassFacts): ExposureFinding<'LoopbackOnly'> {
  const type = 'LoopbackOnly';
  const { port } = server.spec.upstream;
  const staying = pods.filter(({ isEnding }) => !isEnding);
  const thatSaid = (outcome: ExposureReport['outcome'] | undefined, among: readonly PodExposure[] = staying): readonly string[] =>
    among.filter(({ report }) => (report?.port === port ? report.outcome : undefined) === outcome).map(({ name }) => name);
  const exposed = thatSaid('Exposed', pods);
  if (exposed.length > 0) {
    return { type, status: 'False', reason: 'ServerExposed', message: `Port ${String(port)} answers on addresses of the pod in ${named(exposed)}: let the server listen on 127.0.0.1 alone.` };
  }
  if (staying.length === 0) return { type, ...NO_PODS };
  const silent = thatSaid(undefined);
  if (silent.length > 0) return { type, status: 'Unknown', reason: 'Waiting', message: `The sidecars of ${named(silent)} have not said anything about port ${String(port)} yet.` };
  const unclear = thatSaid('Unclear');
  if (unclear.length > 0) {
    return { type, status: 'Unknown', reason: 'ServerUnreachable', message: `Port ${String(port)} does not answer on 127.0.0.1 in ${named(unclear)}: does the server listen there?` };
  }
  return { type, status: 'True', reason: 'LoopbackOnly', message: `Port ${String(port)} answers on 127.0.0.1 alone in every pod.` };
}

export function bypassBlocked({ server, pods, bypass }: BypassFacts): ExposureFinding<'BypassBlocked'> {
  const { port, directAccess } = server.spec.upstream;
  const finding = judged(port, pods, bypass?.serverPort === port ? bypass : undefined);
  const tolerated = directAccess === 'Tolerated' && finding.status !== 'True' ? ' Tolerated by spec.upstream.directAccess.' : '';
  return { ...finding, type: 'BypassBlocked', message: `${finding.message}${tolerated}` };
}

function judged(port: number, pods: readonly PodExposure[], bypass: BypassFindings | undefined): Omit<Finding<string, ConditionReason>, 'type'> {
  const staying = pods.filter(({ isEnding }) => !isEnding);
  if (pods.length === 0) return NO_PODS;
  if (bypass === undefined) return { status: 'Unknown', reason: 'Waiting', message: `The operator has not tried yet to reach port ${String(port)}.` };
  const open = pods.filter(({ uid }) => bypass.reach.get(uid) === 'Open').map(({ name }) => name);
  if (open.length > 0) {
    const advice = 'let the server listen on 127.0.0.1 alone, or use a network that enforces NetworkPolicy';
    return { status: 'False', reason: 'ServerReachable', message: `Port ${String(port)} of ${named(open)} can be reached without the sidecar: ${advice}.` };
  }
  const { services } = bypass;
  if (services !== undefined && services.length > 0) {
    return { status: 'False', reason: 'ServiceBypassesSidecar', message: `Service ${named(services)} sends clients to port ${String(port)}, past the sidecar: let it target the port ${PORT_NAMES.https}, or delete it.` };
  }
  if (staying.length === 0) return NO_PODS;
  const unknown = staying.filter(({ uid }) => bypass.reach.get(uid) === 'Unknown').map(({ name }) => name);
  if (unknown.length > 0) {
    return { status: 'Unknown', reason: 'SidecarUnreachable', message: `Not even the sidecar's own port of ${named(unknown)} can be reached by the operator, so that nothing is known of port ${String(port)}: let network policies admit the operator.` };
  }
  const untried = staying.filter(({ uid }) => !bypass.reach.has(uid)).map(({ name }) => name);
  if (untried.length > 0) return { status: 'Unknown', reason: 'Waiting', message: `The operator has not tried yet to reach port ${String(port)} of ${named(untried)}.` };
  if (services === undefined) return { status: 'Unknown', reason: 'Waiting', message: 'The Services of the namespace could not be read yet.' };
  return { status: 'True', reason: 'BypassBlocked', message: `Port ${String(port)} of every pod is closed to the operator, whom the sidecar answers, and no Service targets it.` };
}
