/**
 * From an exchange to the text of its record. Every member is named here (an allow-list); nothing is walked, so a new
 * kind of value cannot slip through. Hand-written concatenation, because this runs once per request.
 */
import type { Entry, Message, Target } from '../../core/mcp/message.ts';
import type { Principal } from '../../core/principal.ts';
import { exchangeCode } from './codes.ts';
import type { Phase } from './codes.ts';
import { isSessionName, outcome, sessionName } from './exchange.ts';
import type { Exchange, ExchangeServer } from './exchange.ts';
import { methodLabel } from './method-label.ts';
import { quote, quoteList } from './text.ts';

/** Budgets in bytes after escaping. Together with all fixed text they stay below 8 KiB. */
const BUDGET = {
  short: 64,
  line: 128,
  agent: 256,
  serverName: 320,
  target: 512,
  targets: 1024,
  rule: 512,
  subject: 512,
  groups: 1024,
  calls: 1024,
  credentials: 640,
} as const;

const TRACE_ID = /^[0-9a-f]{32}$/;

/** Renders the members of a record after its chain fields, without the braces around the whole. */
export type RecordRenderer = (exchange: Exchange, phase: Phase, nowMonotonicMs: number) => string;

/**
 * Guaranteed: printable ASCII, one line, below 8 KiB less the chain fields, and no member that is not named in this
 * file. What an allow-listed member may contain is up to the exchange; gateway tokens in it are masked.
 */
export function createRecordRenderer(): RecordRenderer {
  // A principal and a server belong to a snapshot and serve many requests; they never change.
  const principals = new WeakMap<Principal, string>();
  const servers = new WeakMap<ExchangeServer, string>();

  return (exchange, phase, nowMonotonicMs) => {
    const { principal, message, denial, closeCause } = exchange;
    const result = outcome(exchange);
    let text = `"code":"${exchangeCode(exchange, phase, result)}","event":"${eventOf(message, phase)}","outcome":"${result}"`;
    if (denial !== undefined) text += `,"reason":"${denial.code}"`;
    if (closeCause !== undefined) text += `,"close":"${closeCause}"`;
    text += policyPart(exchange, servers);
    if (principal !== undefined) text += remember(principals, principal, principalPart);
    if (message !== undefined) text += mcpPart(message, exchange.sessionId);
    text += httpPart(exchange, nowMonotonicMs);
    return text + upstreamPart(exchange);
  };
}

function eventOf(message: Message | undefined, phase: Phase): string {
  const subject = message === undefined ? 'http' : methodLabel(message);
  return phase === 'request' ? subject : `${subject}.${phase}`;
}

function remember<K extends object>(known: WeakMap<K, string>, key: K, render: (key: K) => string): string {
  const text = known.get(key);
  if (text !== undefined) return text;
  const rendered = render(key);
  known.set(key, rendered);
  return rendered;
}

function policyPart({ server, revision, permitRule, denial }: Exchange, servers: WeakMap<ExchangeServer, string>): string {
  if (server === undefined) return '';
  const rule = denial?.detail.rule ?? permitRule;
  let text = remember(servers, server, serverMembers);
  if (revision !== undefined) text += `,"revision":${quote(revision, BUDGET.short)}`;
  if (rule !== undefined) text += `,"rule":${quote(rule, BUDGET.rule)}`;
  return `,"policy":{${text}}`;
}

function serverMembers({ namespace, name, uid, generation }: ExchangeServer): string {
  return `"name":${quote(`${namespace}/${name}`, BUDGET.serverName)},"uid":${quote(uid, BUDGET.short)},"generation":${number(generation)}`;
}

function principalPart({ issuer, subject, method, identity, credential }: Principal): string {
  return (
    `,"principal":{"id":${quote(`${issuer}|${subject}`, BUDGET.subject)}` +
    `,"groups":${quoteList(identity.groups, BUDGET.groups, BUDGET.line)},"method":${quote(method, BUDGET.short)}` +
    `,"credential":${quote(credential.name, BUDGET.serverName)}` +
    `,"credId":${quote(`${credential.uid}#${credential.generation}`, BUDGET.line)}}`
  );
}

function mcpPart(message: Message, sessionId: string | undefined): string {
  let text = `,"mcp":{"era":${quote(message.era, BUDGET.short)}`;
  if (message.kind === 'single') text += entryMembers(message.entry);
  if (message.kind === 'batch') text += batchMembers(message.entries);
  if (sessionId !== undefined) {
    // A caller that forgot to shorten the id must not put a working session on record.
    text += `,"session":"${isSessionName(sessionId) ? sessionId : sessionName(sessionId)}"`;
  }
  return `${text}}`;
}

function entryMembers(entry: Entry): string {
  let text = '';
  if (entry.kind !== 'response') {
    text += `,"method":${quote(entry.method, BUDGET.line)}`;
    text += targetMember(entry.target);
  }
  if (entry.kind === 'notification') return text;
  return `${text},"rpcId":${typeof entry.id === 'number' ? number(entry.id) : quote(entry.id, BUDGET.line)}`;
}

function batchMembers(entries: readonly Entry[]): string {
  const calls = entries.map((entry) => {
    if (entry.kind === 'response') return 'response';
    const name = targetName(entry.target);
    return name === undefined ? entry.method : `${entry.method} ${name}`;
  });
  return `,"batch":${entries.length},"calls":${quoteList(calls, BUDGET.calls, BUDGET.agent)}`;
}

function targetMember(target: Target): string {
  // One subscription may name a thousand resources of 8 KiB: they are never joined.
  if (target.kind === 'resources') return `,"names":${quoteList(target.uris, BUDGET.targets, BUDGET.target)}`;
  const name = targetName(target);
  return name === undefined ? '' : `,"name":${quote(name, BUDGET.target)}`;
}

function targetName(target: Target): string | undefined {
  switch (target.kind) {
    case 'none':
    // Only a single message of the modern era names several, and `targetMember` has written those.
    case 'resources':
      return undefined;
    case 'tool':
    case 'prompt':
      return target.name;
    case 'resource':
      return target.uri;
    case 'template':
      return target.uriTemplate;
    case 'task':
      return target.taskId;
  }
}

function httpPart(exchange: Exchange, nowMonotonicMs: number): string {
  const { clientRequestId, traceId, userAgent, status, cameFrom } = exchange;
  let text = `,"http":{"req":${quote(exchange.id, BUDGET.short)},"verb":${quote(exchange.httpMethod, BUDGET.short)}`;
  if (clientRequestId !== undefined) text += `,"clientReq":${quote(clientRequestId, BUDGET.line)}`;
  if (traceId !== undefined && TRACE_ID.test(traceId)) text += `,"trace":"${traceId}"`;
  text += `,"peer":${quote(exchange.peer, BUDGET.short)}`;
  if (cameFrom !== undefined) text += `,"from":{"peer":${quote(cameFrom.address, BUDGET.short)},"req":${quote(cameFrom.requestId, BUDGET.short)}}`;
  if (userAgent !== undefined) text += `,"ua":${quote(userAgent, BUDGET.agent)}`;
  if (status !== undefined) text += `,"status":${number(status)}`;
  const latencyMs = Math.round((nowMonotonicMs - exchange.startedMonotonicMs) * 1000) / 1000;
  return `${text},"latencyMs":${number(latencyMs)},"bytesIn":${number(exchange.bytesIn)},"bytesOut":${number(exchange.bytesOut)}}`;
}

function upstreamPart({ upstreamCalled, handedTo, upstreamCredentials: references }: Exchange): string {
  const called = `,"upstream":{"called":${upstreamCalled ? 'true' : 'false'}${handedTo === undefined ? '' : `,"pod":${quote(handedTo, BUDGET.short)}`}`;
  if (references === undefined || references.length === 0) return `${called}}`;
  return `${called},"credential":${quoteList(references, BUDGET.credentials, BUDGET.serverName)}}`;
}

/** JSON has no infinity and no NaN. */
function number(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null';
}
