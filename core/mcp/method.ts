/**
 * Every method a client may send, one row each, with what it acts on. Whatever has no row here is unknown and denied;
 * so are methods that only servers send.
 */
import type { Era, ListKind, Target } from './message.ts';
import { hasLookAlike, PROTOCOL_KEYS } from './protocol-keys.ts';
import { isRecord, type JsonRecord, ownMember } from './record.ts';
import { areFewUris, isName, isUri } from './target.ts';

export type MethodForm = 'request' | 'notification';

export interface MethodRow {
  readonly method: string;
  readonly form: MethodForm;
  readonly eras: readonly Era[];
  readonly acts: TargetReader;
  /** The list whose entries are filtered in the answer. */
  readonly list?: ListKind;
  /** The member of `params` that the header `Mcp-Name` repeats in the modern era. */
  readonly mirrored?: 'name' | 'uri';
}

export interface TargetReader {
  /** The kinds of target that `read` can return. */
  readonly kinds: readonly Target['kind'][];
  /** `undefined` when `params` does not name what the method needs. */
  readonly read: (params: JsonRecord) => Target | undefined;
  /** Says what `read` asks for. */
  readonly needs: string;
}

const NO_TARGET: Target = { kind: 'none' };
const MAX_SUBSCRIPTIONS = 1000;

const ON_NOTHING: TargetReader = { kinds: ['none'], read: () => NO_TARGET, needs: '' };

const ON_TOOL: TargetReader = {
  kinds: ['tool'],
  read: (params) => {
    const name = ownMember(params, 'name');
    return isName(name) ? { kind: 'tool', name } : undefined;
  },
  needs: 'params.name must be a string of 1 to 1024 characters',
};

const ON_PROMPT: TargetReader = {
  kinds: ['prompt'],
  read: (params) => {
    const name = ownMember(params, 'name');
    return isName(name) ? { kind: 'prompt', name } : undefined;
  },
  needs: ON_TOOL.needs,
};

const ON_RESOURCE: TargetReader = {
  kinds: ['resource'],
  read: (params) => {
    const uri = ownMember(params, 'uri');
    return isUri(uri) ? { kind: 'resource', uri } : undefined;
  },
  needs: 'params.uri must be a string of 1 to 8192 characters',
};

const ON_TASK: TargetReader = {
  kinds: ['task'],
  read: (params) => {
    const taskId = ownMember(params, 'taskId');
    return isName(taskId) ? { kind: 'task', taskId } : undefined;
  },
  needs: 'params.taskId must be a string of 1 to 1024 characters',
};

const ON_REFERENCE: TargetReader = {
  kinds: ['prompt', 'template'],
  read: readReference,
  needs: 'params.ref must name one prompt or one resource template',
};

const ON_SUBSCRIPTIONS: TargetReader = {
  kinds: ['resources'],
  read: readSubscriptions,
  needs: 'params.notifications must be an object with no other members than toolsListChanged, promptsListChanged, resourcesListChanged and resourceSubscriptions (at most 1000 URIs, 131072 characters)',
};

const BOTH: readonly Era[] = ['legacy', 'modern'];
const LEGACY: readonly Era[] = ['legacy'];
const MODERN: readonly Era[] = ['modern'];

export const METHODS: readonly MethodRow[] = [
  { method: 'initialize', form: 'request', eras: LEGACY, acts: ON_NOTHING },
  { method: 'ping', form: 'request', eras: LEGACY, acts: ON_NOTHING },
  { method: 'server/discover', form: 'request', eras: MODERN, acts: ON_NOTHING },
  { method: 'logging/setLevel', form: 'request', eras: LEGACY, acts: ON_NOTHING },
  { method: 'completion/complete', form: 'request', eras: BOTH, acts: ON_REFERENCE },
  { method: 'tools/list', form: 'request', eras: BOTH, acts: ON_NOTHING, list: 'tools' },
  { method: 'tools/call', form: 'request', eras: BOTH, acts: ON_TOOL, mirrored: 'name' },
  { method: 'prompts/list', form: 'request', eras: BOTH, acts: ON_NOTHING, list: 'prompts' },
  { method: 'prompts/get', form: 'request', eras: BOTH, acts: ON_PROMPT, mirrored: 'name' },
  { method: 'resources/list', form: 'request', eras: BOTH, acts: ON_NOTHING, list: 'resources' },
  { method: 'resources/templates/list', form: 'request', eras: BOTH, acts: ON_NOTHING, list: 'resourceTemplates' },
  { method: 'resources/read', form: 'request', eras: BOTH, acts: ON_RESOURCE, mirrored: 'uri' },
  { method: 'resources/subscribe', form: 'request', eras: LEGACY, acts: ON_RESOURCE },
  { method: 'resources/unsubscribe', form: 'request', eras: LEGACY, acts: ON_RESOURCE },
  { method: 'subscriptions/listen', form: 'request', eras: MODERN, acts: ON_SUBSCRIPTIONS },
  { method: 'tasks/list', form: 'request', eras: LEGACY, acts: ON_NOTHING },
  { method: 'tasks/get', form: 'request', eras: LEGACY, acts: ON_TASK },
  { method: 'tasks/result', form: 'request', eras: LEGACY, acts: ON_TASK },
  { method: 'tasks/cancel', form: 'request', eras: LEGACY, acts: ON_TASK },
  { method: 'notifications/initialized', form: 'notification', eras: LEGACY, acts: ON_NOTHING },
  { method: 'notifications/cancelled', form: 'notification', eras: BOTH, acts: ON_NOTHING },
  { method: 'notifications/progress', form: 'notification', eras: LEGACY, acts: ON_NOTHING },
  { method: 'notifications/roots/list_changed', form: 'notification', eras: LEGACY, acts: ON_NOTHING },
  { method: 'notifications/tasks/status', form: 'notification', eras: LEGACY, acts: ON_NOTHING },
];

const ROWS: ReadonlyMap<string, MethodRow> = new Map(METHODS.map((row) => [row.method, row]));

/** The row of a method in one era and form; `undefined` for whatever must be denied as unknown. */
export function findMethod(era: Era, form: MethodForm, method: string): MethodRow | undefined {
  const row = ROWS.get(method);
  return row !== undefined && row.form === form && row.eras.includes(era) ? row : undefined;
}

export function listKindOf(method: string): ListKind | undefined {
  return ROWS.get(method)?.list;
}

/** `ref/resource` may hold a plain URI too: a template without expressions. */
function readReference(params: JsonRecord): Target | undefined {
  const ref = ownMember(params, 'ref');
  if (!isRecord(ref) || hasLookAlike(ref, PROTOCOL_KEYS.reference)) return undefined;
  const name = ownMember(ref, 'name');
  const uri = ownMember(ref, 'uri');
  switch (ownMember(ref, 'type')) {
    case 'ref/prompt':
      return isName(name) && uri === undefined ? { kind: 'prompt', name } : undefined;
    case 'ref/resource':
      return isUri(uri) && name === undefined ? { kind: 'template', uriTemplate: uri } : undefined;
    default:
      return undefined;
  }
}

/** Members of an extension could ask for events that nobody here can judge, so they are refused. */
const LISTEN_KEYS: ReadonlySet<string> = new Set([
  'toolsListChanged',
  'promptsListChanged',
  'resourcesListChanged',
  'resourceSubscriptions',
]);

function readSubscriptions(params: JsonRecord): Target | undefined {
  const notifications = ownMember(params, 'notifications');
  if (!isRecord(notifications)) return undefined;
  if (!Object.keys(notifications).every((key) => LISTEN_KEYS.has(key))) return undefined;
  const uris = ownMember(notifications, 'resourceSubscriptions') ?? [];
  if (!Array.isArray(uris) || uris.length > MAX_SUBSCRIPTIONS || !uris.every(isUri) || !areFewUris(uris)) return undefined;
  return { kind: 'resources', uris };
}
