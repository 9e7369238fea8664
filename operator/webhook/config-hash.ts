/** Which settings a pod was injected with, so that pods of former ones can be told from those of today. */
import { createHash } from 'node:crypto';
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import type { Json } from './json.ts';
import type { InjectionSettings } from './settings.ts';
import { serverSidecar } from './server-sidecar.ts';

const NO_POD = { probes: [], drainSeconds: 0 } as const;

/**
 * `configHash` of the annotation that a pod of this server would get now. Nothing of the pod itself is in it: pods of one
 * server differ in it exactly where they were injected with different settings. For comparing; no protection of anything.
 */
export function configHash(server: MCPServer, settings: InjectionSettings): string {
  const { container, volumes } = serverSidecar(server, settings, NO_POD);
  const content: Json = [container, volumes];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
}

/** The annotation itself, as its pods have it. */
export function injectedAnnotation(server: MCPServer, settings: InjectionSettings): string {
  return JSON.stringify({ version: settings.version, configHash: configHash(server, settings) });
}
