/** Records that belong to no single exchange. Rendered by the same rules: every member is named here. */
import type { CredentialReference } from '../../core/principal.ts';
import { EVENT_CODES } from './codes.ts';
import type { EventName } from './codes.ts';
import type { RefusalSummary } from './refusal-rate.ts';
import { WINDOW_MS } from './refusal-rate.ts';
import { quote } from './text.ts';

/** The same without its expiry: what an event says of a credential. */
export type EventCredential = Pick<CredentialReference, 'uid' | 'name'> & Partial<Pick<CredentialReference, 'generation'>>;

/** Events that other modules report. */
export type AuditEvent =
  | { readonly kind: 'token.minted' | 'token.rotated'; readonly credential: EventCredential }
  | {
      readonly kind: 'token.revoked' | 'token.expired';
      readonly credential: EventCredential;
      /** Open streams that were ended because of it. */
      readonly streamsCut: number;
    }
  | { readonly kind: 'snapshot.applied'; readonly revision: string; readonly servers: number; readonly problems: number };

export function renderEvent(event: AuditEvent): string {
  switch (event.kind) {
    case 'token.minted':
    case 'token.rotated':
      return `${head(event.kind)},${credentialMember(event.credential)}`;
    case 'token.revoked':
    case 'token.expired':
      return `${head(event.kind)},${credentialMember(event.credential)},"streamsCut":${event.streamsCut}`;
    case 'snapshot.applied':
      return (
        `${head(event.kind)},"snapshot":{"revision":${quote(event.revision, 64)}` +
        `,"servers":${event.servers},"problems":${event.problems}}`
      );
  }
}

/** The first record of every process. `chain` tells two chains of one gateway apart. */
export function renderStart(chain: string): string {
  return `${head('audit.start')},"chain":${quote(chain, 64)}`;
}

export function renderStop(): string {
  return head('audit.stop');
}

export function renderGap(dropped: number): string {
  return `${head('audit.gap')},"dropped":${dropped}`;
}

export function renderRefusals({ peer, count, reasons }: RefusalSummary): string {
  const perReason = [...reasons].map(([code, times]) => `"${code}":${times}`).join(',');
  return (
    `${head('audit.refusals')},"outcome":"denied"` +
    `,"refusals":{"peer":${quote(peer, 64)},"count":${count},"windowMs":${WINDOW_MS},"reasons":{${perReason}}}`
  );
}

function head(name: EventName): string {
  return `"code":"${EVENT_CODES[name]}","event":"${name}"`;
}

function credentialMember({ uid, name, generation }: EventCredential): string {
  const id = generation === undefined ? uid : `${uid}#${generation}`;
  return `"credential":${quote(name, 320)},"credId":${quote(id, 128)}`;
}
