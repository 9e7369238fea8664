/**
 * The operator's authorities, kept in one Secret of its namespace. Every replica signs with them and trusts them; whoever
 * finds none makes the first, and the leader replaces them in time.
 */
import type { Authority } from '../../pki/authority.ts';
import { createAuthority, readAuthority } from '../../pki/authority.ts';
import type { RotationPlan, RotationPolicy } from '../../pki/rotation.ts';
import { deriveRotation, trustBundle } from '../../pki/rotation.ts';
import { isRecord } from '../../manifest/record.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict, isNotFound } from '../kube/kube-error.ts';
import type { KubeObject } from '../kube/kube-object.ts';
import { SECRETS } from '../kube/resources.ts';

export interface AuthoritiesDeps {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  /** Name of the Secret; what the authorities are for. */
  readonly name: string;
  readonly commonName: string;
  readonly policy: RotationPolicy;
  readonly clock: Clock;
}

/** What to do with them now, and as of which version of their Secret. */
export interface StoredAuthorities extends RotationPlan<Authority> {
  readonly resourceVersion: string;
}

export interface Authorities {
  /** As they are stored now; makes the first one if there is none. */
  read(signal: AbortSignal): Promise<StoredAuthorities>;
  /** Makes and drops what is due, then as `read`. For the leader alone. */
  rotate(signal: AbortSignal): Promise<StoredAuthorities>;
}

export const AUTHORITY_LIFETIME_MS = 365 * 24 * 3_600_000;
const KEY = 'authorities.json';
const FIELD_MANAGER = 'mcpgateway-authorities';

export function trustedPem(plan: RotationPlan<Authority>): string {
  return trustBundle(plan.trusted.map(({ certificatePem }) => certificatePem));
}

export function createAuthorities(deps: AuthoritiesDeps): Authorities {
  const { client, namespace, name, clock } = deps;

  const make = (): Promise<Authority> => createAuthority({ commonName: deps.commonName, nowMs: clock.nowMs(), lifetimeMs: AUTHORITY_LIFETIME_MS });
  const plan = (secret: KubeObject): StoredAuthorities => ({ ...deriveRotation(readAll(secret), deps.policy, clock.nowMs()), resourceVersion: secret.metadata.resourceVersion });

  async function stored(signal: AbortSignal): Promise<KubeObject> {
    try {
      return await client.get(SECRETS, { namespace, name }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    try {
      return await client.create(SECRETS, written([await make()]), { fieldManager: FIELD_MANAGER, signal });
    } catch (error) {
      // Another replica was first: its authority is everybody's.
      if (!isConflict(error)) throw error;
      return client.get(SECRETS, { namespace, name }, { signal });
    }
  }

  function written(authorities: readonly Authority[], resourceVersion?: string) {
    const content = authorities.map(({ certificatePem, privateKeyPem }) => ({ certificatePem, privateKeyPem }));
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'mcpgateway.dev/authorities',
      metadata: { namespace, name, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      data: { [KEY]: Buffer.from(JSON.stringify(content), 'utf8').toString('base64') },
    };
  }

  return {
    read: async (signal) => plan(await stored(signal)),
    async rotate(signal) {
      const secret = await stored(signal);
      const before = plan(secret);
      if (!before.create && before.dropped.length === 0) return before;
      const next = [...(before.create ? [await make()] : []), ...before.trusted];
      return plan(await client.replace(SECRETS, written(next, secret.metadata.resourceVersion), { fieldManager: FIELD_MANAGER, signal }));
    },
  };
}

/** Throws a TypeError that holds nothing of the content: a damaged Secret must be looked at, not replaced. */
function readAll({ data, metadata }: KubeObject): readonly Authority[] {
  const encoded = isRecord(data) ? data[KEY] : undefined;
  const parsed = typeof encoded === 'string' ? parse(Buffer.from(encoded, 'base64').toString('utf8')) : undefined;
  if (!Array.isArray(parsed)) throw new TypeError(`Secret ${metadata.name}: data["${KEY}"] is damaged; restore it, or delete the Secret to begin anew`);
  return parsed.map((each: unknown) => {
    const { certificatePem, privateKeyPem } = isRecord(each) ? each : {};
    if (typeof certificatePem !== 'string' || typeof privateKeyPem !== 'string') throw new TypeError(`Secret ${metadata.name}: an authority is damaged`);
    return readAuthority({ certificatePem, privateKeyPem });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
