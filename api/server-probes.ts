/**
 * Probes of a pod's containers that the sidecar makes in the kubelet's stead, because the kubelet does not reach a server
 * that listens on loopback alone. The webhook writes them into the sidecar's environment. They name no address: it is
 * 127.0.0.1, and one port for all.
 */
import { arrayOf, integer, matching, objectOf, oneOf, optional, parseJson, WireError } from './wire-shape.ts';
import type { ShapeOf } from './wire-shape.ts';

export const PROBE_KINDS = ['startup', 'readiness', 'liveness'] as const;
export type ProbeKind = (typeof PROBE_KINDS)[number];

export interface ServerProbe {
  readonly container: string;
  readonly kind: ProbeKind;
  readonly timeoutSeconds: number;
  /** Absent: it is enough that the port accepts a connection. */
  readonly http?: ProbeRequest;
}

export interface ProbeRequest {
  /** With query. */
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export interface ServerProbes {
  /** On which the server listens. */
  readonly port: number;
  readonly probes: readonly ServerProbe[];
}

/** Together less than a variable of the environment may be long, 128 KiB. */
export const MOST_PROBES = 32;
const MOST_HEADERS = 8;
const LONGEST_TIMEOUT_SECONDS = 300;

const PORT = (value: unknown): void => upTo(65_535, value);

const isServerProbe: ShapeOf<ServerProbe> = objectOf<ServerProbe>({
  container: matching(/^[a-z0-9-]{1,63}$/),
  kind: oneOf(...PROBE_KINDS),
  timeoutSeconds: (value) => upTo(LONGEST_TIMEOUT_SECONDS, value),
  http: optional(
    objectOf<ProbeRequest>({
      path: matching(/^\/[!"$-~]{0,511}$/),
      headers: arrayOf(objectOf<ProbeRequest['headers'][number]>({ name: matching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/), value: matching(/^[ -~]{0,256}$/) }), MOST_HEADERS),
    }),
  ),
});

const isServerProbes: ShapeOf<ServerProbes> = objectOf<ServerProbes>({ port: PORT, probes: arrayOf(isServerProbe, MOST_PROBES) });

function upTo(most: number, value: unknown): void {
  integer(value);
  if (value === 0 || Number(value) > most) throw new WireError(`is not a number from 1 to ${most}`);
}

/** Where the sidecar's admin port answers for it. */
export const probePath = ({ container, kind }: Pick<ServerProbe, 'container' | 'kind'>): string => `/probe/${container}/${kind}`;

export function isProbePossible(probe: ServerProbe): boolean {
  try {
    isServerProbe(probe);
    return true;
  } catch (cause) {
    if (cause instanceof WireError) return false;
    throw cause;
  }
}

/** Without `$`, which the kubelet would take for a reference to another variable. */
export const formatServerProbes = (probes: ServerProbes): string => JSON.stringify(probes).replaceAll('$', String.raw`\u0024`);

/** Throws a WireError unless the text is as formatServerProbes writes it: no key is there twice, nothing is unknown. */
export function parseServerProbes(text: string): ServerProbes {
  const value = parseJson(text);
  isServerProbes(value);
  if (formatServerProbes(value) !== text) throw new WireError('is not as the webhook writes it');
  if (new Set(value.probes.map(probePath)).size !== value.probes.length) throw new WireError('probes: has a probe twice');
  return value;
}
