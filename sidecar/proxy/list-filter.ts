/**
 * Takes out of list answers what the caller may not use, in JSON bodies and in event streams. What stays keeps its
 * bytes. An answer that cannot be read for certain is refused, never passed on.
 */
import { Denial } from '../../core/denial.ts';
import type { RpcId } from '../../core/denial.ts';
import type { Era, ListKind } from '../../core/mcp/message.ts';
import { createGatheredBytes } from '../../runtime/gathered-bytes.ts';
import { createEventSplitter } from './event-stream.ts';
import { AmbiguousKeys, elementSpans, foldKey, memberSpans, valueSpan } from './json-spans.ts';
import type { Member, Span } from './json-spans.ts';
import { decodeUtf8, parseEvent } from './stream-event.ts';

/** Which lists an answer may hold. Whatever the plan, a result that has the shape of a list is filtered as one. */
export type ListPlan =
  /** The ids of list requests: their results must hold that list. */
  | { readonly kind: 'by-id'; readonly lists: ReadonlyMap<RpcId, ListKind> }
  /** Answers to unknown requests: the server's stream of a session replays any of them. */
  | { readonly kind: 'by-shape' };

/** Whether the caller may see this entry of a list. */
export type ListedPredicate = (kind: ListKind, entry: unknown) => boolean;

export interface AnswerFilter {
  /** What can be passed on now. Throws ERR_UPSTREAM_RESPONSE_INVALID; nothing may be passed on after that. */
  push(chunk: Buffer): readonly Buffer[];
  end(): readonly Buffer[];
}

const LIST_KINDS: readonly ListKind[] = ['tools', 'prompts', 'resources', 'resourceTemplates'];
/** Of one JSON body or one event; both are held whole. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;

/** Holds the body until its end. An empty body stays empty. */
export function createJsonBodyFilter(plan: ListPlan, isListed: ListedPredicate, era: Era): AnswerFilter {
  const held = createGatheredBytes();
  return {
    push(chunk) {
      if (held.length() + chunk.length > MAX_HELD_BYTES) throw invalidAnswer();
      held.push(chunk);
      return [];
    },
    end() {
      if (held.length() === 0) return [];
      const body = held.take();
      const filtered = filterMessageText(decodeUtf8(body), { plan, isListed, era });
      return [filtered === undefined ? body : Buffer.from(filtered)];
    },
  };
}

/** Passes each event on when it is complete. What follows the last complete one is judged as if it were an event. */
export function createEventStreamFilter(plan: ListPlan, isListed: ListedPredicate, era: Era): AnswerFilter {
  const splitter = createEventSplitter({ maxEventBytes: MAX_HELD_BYTES });
  const rules = { plan, isListed, era };
  return {
    push: (chunk) => splitter.push(chunk).map((raw) => filterEvent(raw, rules)),
    end() {
      const rest = splitter.rest();
      return rest.length === 0 ? [] : [filterEvent(rest, rules)];
    },
  };
}

export interface FilterRules {
  readonly plan: ListPlan;
  readonly isListed: ListedPredicate;
  readonly era: Era;
}

/**
 * The text of one JSON-RPC message, or of an array of them, without the entries for which `isListed` is false; in the
 * modern era every list also says `cacheScope: private`, or shared caches would serve it to others (SEP-2549).
 * `undefined`: nothing to change. Throws ERR_UPSTREAM_RESPONSE_INVALID for a text that is not JSON, or where a key
 * that decides comes twice or in another case.
 */
export function filterMessageText(text: string, rules: FilterRules): string | undefined {
  try {
    JSON.parse(text);
    const whole = valueSpan(text, 0);
    const edits = messagesOf(text, whole).flatMap((message) => editsOf(text, message, rules));
    return edits.length === 0 ? undefined : applyEdits(text, edits);
  } catch (cause) {
    // Without the cause: a SyntaxError of JSON.parse quotes the text.
    if (cause instanceof SyntaxError || cause instanceof AmbiguousKeys) throw invalidAnswer();
    throw cause;
  }
}

interface Edit {
  readonly span: Span;
  readonly replacement: string;
}

function filterEvent(raw: Buffer, rules: FilterRules): Buffer {
  const event = parseEvent(raw);
  // Servers open a resumable stream with an id and empty data (SEP-1699).
  const isEmpty = event.data === undefined || event.data.trim() === '';
  const filtered = isEmpty ? undefined : filterMessageText(event.data, rules);
  if (filtered === undefined && !event.hasUnknownFields) return raw;
  return event.render(filtered ?? event.data);
}

function messagesOf(text: string, whole: Span): readonly Span[] {
  const messages = text[whole.start] === '[' ? elementSpans(text, whole) : [whole];
  if (messages.some(({ start }) => text[start] !== '{')) throw invalidAnswer();
  return messages;
}

function editsOf(text: string, message: Span, rules: FilterRules): Edit[] {
  const members = memberSpans(text, message);
  const result = memberNamed(members, 'result');
  if (result === undefined) return [];
  const expected = expectedKind(text, memberNamed(members, 'id'), rules.plan);
  if (text[result.value.start] !== '{') return noEdits(text, result.value, expected);
  const resultMembers = memberSpans(text, result.value);
  const lists = LIST_KINDS.filter((kind) => memberNamed(resultMembers, kind) !== undefined);
  if (expected !== undefined && !lists.includes(expected)) requireNoList(text, resultMembers);
  const edits = lists.flatMap((kind) => listEdits(text, kind, memberNamed(resultMembers, kind), rules.isListed));
  if (lists.length > 0 && rules.era === 'modern') edits.push(...privateScope(text, result.value, resultMembers));
  return edits;
}

/** A result is an object in all of MCP. A scalar holds nothing to hide; an array might. */
function noEdits(text: string, result: Span, expected: ListKind | undefined): [] {
  if (expected !== undefined || text[result.start] === '[') throw invalidAnswer();
  return [];
}

/** A result of another type (`input_required`, `task`) asks for something first and holds no list. */
function requireNoList(text: string, resultMembers: ReadonlyMap<string, Member>): void {
  const type = memberNamed(resultMembers, 'resultType');
  const named = type === undefined ? undefined : valueOf(text, type.value);
  if (typeof named !== 'string' || named === 'complete') throw invalidAnswer();
}

function expectedKind(text: string, id: Member | undefined, plan: ListPlan): ListKind | undefined {
  if (id === undefined || plan.kind === 'by-shape') return undefined;
  const value = valueOf(text, id.value);
  return typeof value === 'string' || typeof value === 'number' ? plan.lists.get(value) : undefined;
}

function listEdits(text: string, kind: ListKind, list: Member | undefined, isListed: ListedPredicate): Edit[] {
  // Servers written in Go send null for an empty list.
  if (list === undefined || text.startsWith('null', list.value.start)) return [];
  if (text[list.value.start] !== '[') throw invalidAnswer();
  const entries = elementSpans(text, list.value);
  const kept = entries.filter((entry) => isKept(text, entry, kind, isListed));
  if (kept.length === entries.length) return [];
  const span = { start: list.value.start + 1, end: list.value.end - 1 };
  return [{ span, replacement: kept.map(({ start, end }) => text.slice(start, end)).join(',') }];
}

function isKept(text: string, entry: Span, kind: ListKind, isListed: ListedPredicate): boolean {
  // Which of two names is the entry's, each client decides for itself: it is nobody's to see.
  if (text[entry.start] === '{') memberSpans(text, entry);
  return isListed(kind, valueOf(text, entry));
}

function privateScope(text: string, result: Span, resultMembers: ReadonlyMap<string, Member>): Edit[] {
  const scope = memberNamed(resultMembers, 'cacheScope');
  const at = result.start + 1;
  if (scope === undefined) return [{ span: { start: at, end: at }, replacement: '"cacheScope":"private",' }];
  return valueOf(text, scope.value) === 'private' ? [] : [{ span: scope.value, replacement: '"private"' }];
}

/** Own member of exactly this name; a spelling that differs in case is one that some clients would read. */
function memberNamed(members: ReadonlyMap<string, Member>, name: string): Member | undefined {
  const member = members.get(foldKey(name));
  if (member !== undefined && member.key !== name) throw invalidAnswer();
  return member;
}

function valueOf(text: string, { start, end }: Span): unknown {
  return JSON.parse(text.slice(start, end));
}

function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const { span, replacement } of edits.toSorted((a, b) => a.span.start - b.span.start)) {
    parts.push(text.slice(from, span.start), replacement);
    from = span.end;
  }
  return parts.join('') + text.slice(from);
}

function invalidAnswer(): Denial {
  return new Denial('ERR_UPSTREAM_RESPONSE_INVALID', 'The server behind the gateway sent an invalid answer.');
}
