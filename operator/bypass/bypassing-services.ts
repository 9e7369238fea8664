/** Which Services send clients to a server without its sidecar: they select its pods and target the server's own port. Pure. */
import { isRecord, own, ownString } from '../../manifest/record.ts';
import type { GuardedPod, NamedPort } from '../cluster-view.ts';
import type { KubeObject } from '../kube/kube-object.ts';

/**
 * Their names. `services` are those of the pods' namespace. Not seen: a Service without a selector whose endpoints somebody
 * writes by hand.
 */
export function bypassingServices(services: readonly KubeObject[], pods: readonly Pick<GuardedPod, 'labels' | 'namedPorts'>[], serverPort: number): readonly string[] {
  return services
    .filter((service) => {
      const spec = service['spec'];
      const ports = targetsOf(spec);
      return pods.some(({ labels, namedPorts }) => selects(spec, labels) && ports.some((target) => means(target, namedPorts, serverPort)));
    })
    .map(({ metadata }) => metadata.name);
}

/** An empty selector selects nothing: such a Service has its endpoints from elsewhere. */
function selects(spec: unknown, labels: Readonly<Record<string, string>>): boolean {
  const selector = own(spec, 'selector');
  if (!isRecord(selector)) return false;
  const entries = Object.entries(selector);
  return entries.length > 0 && entries.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** Numbers or names of ports of pods. Absent: the port of the Service itself. */
function targetsOf(spec: unknown): readonly unknown[] {
  const ports = own(spec, 'ports');
  if (!Array.isArray(ports)) return [];
  return ports.filter((entry) => (ownString(entry, 'protocol') ?? 'TCP') === 'TCP').map((entry: unknown) => own(entry, 'targetPort') ?? own(entry, 'port'));
}

function means(target: unknown, namedPorts: readonly NamedPort[], port: number): boolean {
  return target === port || namedPorts.some((named) => named.name === target && named.port === port);
}
