/** The sidecar's volumes, each as the API server would store it. Nothing else in the pod mounts them. */
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import type { JsonObject } from './json.ts';
import { VOLUMES } from './names.ts';
import { audienceOf } from './settings.ts';
import type { InjectionSettings, ServerRef } from './settings.ts';

const TOKEN_LIFETIME_SECONDS = 3600;

/** Readable for the sidecar's user whatever the pod's fsGroup is: no other container mounts these. */
const DEFAULT_MODE = 0o644;

export function sidecarVolumes(settings: InjectionSettings, ref: ServerRef, spec: MCPServer['spec']): readonly JsonObject[] {
  const secrets = secretSources(spec);
  const token = { audience: audienceOf(settings, ref), expirationSeconds: TOKEN_LIFETIME_SECONDS, path: 'token' };
  return [
    { name: VOLUMES.identity, projected: { sources: [{ serviceAccountToken: token }], defaultMode: DEFAULT_MODE } },
    {
      name: VOLUMES.authorities,
      configMap: { name: settings.authoritiesConfigMap, items: [{ key: 'ca.crt', path: 'ca.crt' }], defaultMode: DEFAULT_MODE, optional: true },
    },
    // In memory: a bundle holds token hashes and a session key, and a private key must not survive on a node's disk.
    { name: VOLUMES.bundle, emptyDir: { medium: 'Memory', sizeLimit: '32Mi' } },
    { name: VOLUMES.tls, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    ...(secrets.length > 0 ? [{ name: VOLUMES.secrets, projected: { sources: secrets, defaultMode: DEFAULT_MODE } }] : []),
    { name: VOLUMES.nothing, emptyDir: { sizeLimit: '1Mi' } },
  ];
}

/** Optional all: a missing Secret denies requests with a reason instead of keeping the pod from starting. */
function secretSources({ upstream, tls }: MCPServer['spec']): readonly JsonObject[] {
  const keys = new Map<string, Set<string>>();
  for (const { secretRef } of upstream.credentials ?? []) {
    keys.set(secretRef.name, (keys.get(secretRef.name) ?? new Set()).add(secretRef.key));
  }
  const credentials = [...keys].map(([name, of]) => source(name, [...of].map((key) => ({ key, path: `credentials/${name}/${key}` }))));
  const serving = ['tls.crt', 'tls.key'].map((key) => ({ key, path: `serving/${key}` }));
  return tls === undefined ? credentials : [...credentials, source(tls.secretRef.name, serving)];
}

const source = (name: string, items: readonly JsonObject[]): JsonObject => ({ secret: { name, items, optional: true } });
