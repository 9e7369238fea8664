/** The sidecar of one server: its container and volumes, with what the server says otherwise than the operator. */
import type { ServerProbe } from '../../api/server-probes.ts';
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import { serviceHosts } from '../service-name.ts';
import type { JsonObject } from './json.ts';
import { VOLUMES } from './names.ts';
import { sidecarSettings } from './overrides.ts';
import type { InjectionSettings } from './settings.ts';
import { sidecarContainer } from './sidecar-container.ts';
import { sidecarVolumes } from './sidecar-volumes.ts';

/** What the sidecar is told of its own pod. */
export interface PodFacts {
  readonly probes: readonly ServerProbe[];
  readonly drainSeconds: number;
}

export interface ServerSidecar {
  readonly container: JsonObject;
  readonly volumes: readonly JsonObject[];
}

export function serverSidecar(server: MCPServer, settings: InjectionSettings, pod: PodFacts): ServerSidecar {
  const ref = { namespace: server.metadata.namespace, name: server.metadata.name };
  const own = sidecarSettings(settings, server);
  const volumes = sidecarVolumes(own, ref, server.spec);
  const secrets = volumes.some(({ name }) => name === VOLUMES.secrets);
  const { probes, drainSeconds } = pod;
  const needs = { server: ref, ownCertificate: server.spec.tls !== undefined, hosts: serviceHosts(server), secrets, drainSeconds, probes: { port: server.spec.upstream.port, probes } };
  return { volumes, container: sidecarContainer(own, needs) };
}
