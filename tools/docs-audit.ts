/** docs/reference/audit-events.md: the code of every audit record, from the tables that write them. */
import { Denial } from '../core/denial.ts';
import type { Principal } from '../core/principal.ts';
import { EVENT_CODES, exchangeCode } from '../sidecar/audit/codes.ts';
import type { EventName, Phase } from '../sidecar/audit/codes.ts';
import { createExchange } from '../sidecar/audit/exchange.ts';
import type { Exchange, Outcome } from '../sidecar/audit/exchange.ts';
import { code, renderTable } from './docs-schema.ts';

const EVENTS = {
  'audit.start': 'First record of a process. `chain` names the new hash chain.',
  'audit.gap': 'So many records (`dropped`) could not be written before this one.',
  'audit.refusals': 'Refusals of one peer that were counted instead of being recorded one by one: `count`, `windowMs`, `reasons`.',
  'audit.stop': 'Last record of a process that ended in order.',
  'token.minted': 'A token became valid. `credId` has its generation.',
  'token.rotated': 'A further generation of a token became valid.',
  'token.revoked': 'A token is valid nowhere any more: it was revoked, deleted, or lost its last permission. `streamsCut` of its streams were ended.',
  'token.expired': 'The last generation of a token expired. `streamsCut` of its streams were ended.',
  'snapshot.applied': 'A new policy is in force: `revision`, number of `servers`, number of `problems`.',
} as const satisfies Record<EventName, string>;

const PHASES = {
  request: 'Decision and end of an exchange in one record.',
  decide: 'Decision about a stream that stays open.',
  close: 'End of such a stream.',
} as const satisfies Record<Phase, string>;

const OUTCOMES = {
  allowed: 'The policy allowed it. Where it failed afterwards, `reason` says how.',
  denied: 'It was refused; `reason` is the denial code.',
  aborted: 'The client left before there was a decision.',
} as const satisfies Record<Outcome, string>;

const PRINCIPAL: Principal = {
  issuer: '',
  subject: '',
  from: '',
  method: 'bearer',
  identity: { user: '', groups: [], roles: [], attributes: {} },
  credential: { uid: '', name: '', generation: '', expiresAtMs: 0 },
};

/** `isWritten` tells whether anything reports the event: a code may be reserved before it is. */
export function auditPage(isWritten: (name: EventName) => boolean): string {
  const events = entriesOf(EVENTS).map(([name, meaning]) => [code(EVENT_CODES[name]), code(name), isWritten(name) ? meaning : `${meaning} Reserved: this release does not write it.`]);
  return `# Audit events

Each audit record is one line of JSON with a \`code\` and an \`event\`. Codes are stable and never used again for something else.

## Exchanges

The \`event\` of an exchange is its MCP method, such as \`tools/call\`; \`stream\` for GET and \`terminate\` for DELETE; \`http\` where no message was read. For
the two records of a stream it ends in \`.decide\` and \`.close\`.

${renderTable(['Code', 'Phase', 'Outcome', 'Meaning'], exchangeRows())}

## Other events

${renderTable(['Code', 'Event', 'Meaning'], events)}
`;
}

function exchangeRows(): readonly (readonly string[])[] {
  const known = { ...anExchange(), principal: PRINCIPAL };
  const rows = entriesOf(PHASES).flatMap(([phase, when]) =>
    entriesOf(OUTCOMES).map(([outcome, what]) => [code(exchangeCode(known, phase, outcome)), code(phase), code(outcome), `${when} ${what}`]),
  );
  const stranger = { ...anExchange(), denial: new Denial('ERR_CREDENTIAL_MISSING', '') };
  const refused = [code(exchangeCode(stranger, 'request', 'denied')), 'any', code('denied'), 'It was refused before anybody was authenticated.'];
  return [...rows, refused];
}

function anExchange(): Exchange {
  return createExchange({ id: '', startedMonotonicMs: 0, peer: '', httpMethod: 'POST' });
}

function entriesOf<K extends string, V>(table: Readonly<Record<K, V>>): readonly (readonly [K, V])[] {
  const isKey = (key: string): key is K => Object.hasOwn(table, key);
  return Object.keys(table).filter(isKey).map((key) => [key, table[key]] as const);
}
