/**
 * What the author of a server may change of its sidecars. The sidecar gets the upstream's credentials and the token for
 * the bundle, and answers for every decision: its image comes from repositories that the operator's configuration names.
 */
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import type { InjectionSettings } from './settings.ts';

type Subject = { readonly server: MCPServer | undefined; readonly settings: Pick<InjectionSettings, 'image' | 'imageRepositories' | 'resources'> };

/** The settings with what the server says otherwise. Not judged: whether it may; see the rules below. */
export function sidecarSettings(settings: InjectionSettings, { spec: { sidecar } }: MCPServer): InjectionSettings {
  if (sidecar === undefined) return settings;
  const { image = settings.image, logLevel = settings.logLevel } = sidecar;
  return { ...settings, image, logLevel, resources: resourcesOf(settings.resources, sidecar) };
}

function resourcesOf(defaults: InjectionSettings['resources'], { resources }: NonNullable<MCPServer['spec']['sidecar']>): InjectionSettings['resources'] {
  return {
    cpuRequest: resources?.requests?.cpu ?? defaults.cpuRequest,
    memoryRequest: resources?.requests?.memory ?? defaults.memoryRequest,
    memoryLimit: resources?.limits?.memory ?? defaults.memoryLimit,
  };
}

/** The field's fault and what to do about it. */
export function imageNotAllowed({ server, settings }: Subject): string | undefined {
  const image = server?.spec.sidecar?.image;
  if (image === undefined || isAllowedRepository(image, settings)) return undefined;
  const repositories = allowedRepositories(settings).join(', ');
  return `spec.sidecar.image: the operator allows images of ${repositories} alone: name one of these, or have another repository added to the operator's configuration`;
}

/** What the CRD cannot judge: one of the two is the operator's. The API server would refuse the pod without saying whose fault it is. */
export function memoryNotPossible({ server, settings }: Subject): string | undefined {
  const sidecar = server?.spec.sidecar;
  if (sidecar === undefined) return undefined;
  const { memoryRequest, memoryLimit } = resourcesOf(settings.resources, sidecar);
  if (mebibytes(memoryRequest) <= mebibytes(memoryLimit)) return undefined;
  return `spec.sidecar.resources: a request of ${memoryRequest} of memory exceeds the limit of ${memoryLimit}: set requests.memory and limits.memory both`;
}

/** Of the sidecar that the operator injects otherwise, and those that its configuration adds. */
export function allowedRepositories({ image, imageRepositories }: Pick<InjectionSettings, 'image' | 'imageRepositories'>): readonly string[] {
  return [...new Set([repositoryOf(image), ...imageRepositories])];
}

export function isAllowedRepository(image: string, settings: Pick<InjectionSettings, 'image' | 'imageRepositories'>): boolean {
  return allowedRepositories(settings).includes(repositoryOf(image));
}

/** Without tag and digest; a colon before the last slash belongs to the registry's port. */
const repositoryOf = (image: string): string => image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');

/** Of a quantity as the CRD and the operator's settings have it. */
function mebibytes(quantity: string): number {
  const amount = Number.parseInt(quantity, 10);
  return quantity.endsWith('Gi') ? amount * 1024 : amount;
}
