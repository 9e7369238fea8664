import { describe, expect, test } from '@jest/globals';
import type { Message } from '../../../../core/mcp/message.ts';
import { placeOfSession, sessionShownAs } from '../../../../sidecar/session/bound-session.ts';
import { formatHolder } from '../../../../sidecar/session/holder.ts';
import { aHead, aRequest, aServer, denialOf, ECHO, liveToken, presentedOf, STREAM } from '../kit.ts';

const ALICE = liveToken();
const BOB = liveToken({ name: 'bob' });
const SERVER = aServer({ tokens: [ALICE, BOB] });
const alice = presentedOf(SERVER, ALICE).principal;
const bob = presentedOf(SERVER, BOB).principal;
const MODERN = aRequest('tools/call', { kind: 'tool', name: 'echo' }, 'modern');
const TERMINATE: Message = { kind: 'terminate', era: 'legacy' };
const RESPONSE: Message = { kind: 'single', era: 'legacy', entry: { kind: 'response', id: 1 } };
const POD = { podUid: '01234567-89ab-4def-8123-456789abcdef', ip: '10.0.0.1' };
const OTHER_POD = { podUid: '76543210-89ab-4def-8123-456789abcdef', ip: '10.0.0.2' };
const ownOf = (pod: typeof POD): { podUid: string; text: string } => ({ podUid: pod.podUid, text: formatHolder(pod) });
const own = undefined;
const shown = sessionShownAs('upstream-1', ECHO, { server: SERVER, principal: alice, own }) ?? '';
/** As a client knows it that began in this pod. */
const heldBy = (pod: typeof POD): string => sessionShownAs('upstream-1', ECHO, { server: SERVER, principal: alice, own: ownOf(pod) }) ?? '';
const placeFor = (id: string, pod: typeof POD | undefined, principal = alice): unknown =>
  placeOfSession(aHead(['Mcp-Session-Id', id]), ECHO, { server: SERVER, principal, own: pod === undefined ? undefined : ownOf(pod) });
const upstream = (message: Message, principal = alice, headers = ['Mcp-Session-Id', shown]): string | undefined => {
  const place = placeOfSession(aHead(headers), message, { server: SERVER, principal, own });
  return place.kind === 'here' ? place.upstreamId : 'elsewhere';
};

describe('a session', () => {
  test.each<[string, Message]>([['a call', ECHO], ['a stream', STREAM], ['its end', TERMINATE], ['a response', RESPONSE]])('leads %s of its principal to the upstream id', (_name, message) => {
    expect(upstream(message)).toBe('upstream-1');
  });

  test('does not show the upstream id to the client, nor any id in the modern era', () => {
    expect(shown).not.toContain('upstream-1');
    expect(sessionShownAs('upstream-1', MODERN, { server: SERVER, principal: alice, own })).toBeUndefined();
    expect(upstream(MODERN)).toBeUndefined();
  });

  test('H1 does not exist for another principal, on another server, or where its id is made up', () => {
    const unknown = { code: 'ERR_SESSION_UNKNOWN', message: 'Session not found.', detail: { rpcId: 7 } };
    expect(denialOf(() => upstream(ECHO, bob))).toMatchObject(unknown);
    expect(denialOf(() => upstream(ECHO, alice, ['Mcp-Session-Id', 'upstream-1']))).toMatchObject(unknown);
    const other = aServer({ name: 'other', tokens: [ALICE] });
    expect(denialOf(() => placeOfSession(aHead(['Mcp-Session-Id', shown]), ECHO, { server: other, principal: alice, own }))).toMatchObject(unknown);
    expect(denialOf(() => upstream(STREAM, bob))).not.toHaveProperty('detail.rpcId');
  });

  test('is not named by the initialize that begins it, whatever was sent', () => {
    expect(upstream(aRequest('initialize'), bob)).toBeUndefined();
  });

  test('is not needed by a call or a stream', () => {
    expect([upstream(ECHO, alice, []), upstream(STREAM, alice, [])]).toEqual([undefined, undefined]);
  });

  const task = aRequest('tasks/get', { kind: 'task', taskId: 't' });
  const batchOf = (...messages: Message[]): Message => ({ kind: 'batch', era: 'legacy', entries: messages.flatMap((message) => (message.kind === 'single' ? [message.entry] : [])) });
  test.each<[string, Message]>([['a task', task], ['a task in a batch', batchOf(ECHO, task)], ['an answer to the server', RESPONSE], ['an answer in a batch', batchOf(RESPONSE)], ['its own end', TERMINATE]])(
    'is needed by %s, which is nobody\'s without one',
    (_name, message) => {
      expect(denialOf(() => upstream(message, alice, []))).toMatchObject({ code: 'ERR_SESSION_UNKNOWN' });
    },
  );

  test('is here in the pod that it began in, also under another address, and elsewhere in every other', () => {
    expect(placeFor(heldBy(POD), POD)).toEqual({ kind: 'here', upstreamId: 'upstream-1' });
    expect(placeFor(heldBy(POD), { ...POD, ip: '10.0.0.9' })).toEqual({ kind: 'here', upstreamId: 'upstream-1' });
    expect(placeFor(heldBy(POD), OTHER_POD)).toEqual({ kind: 'elsewhere', holder: POD });
  });

  test.each<[string, () => unknown]>([
    ['for another principal, wherever it began', () => placeFor(heldBy(POD), OTHER_POD, bob)],
    ['in a pod, if it began where there are none', () => placeFor(shown, POD)],
    ['where there are no pods, if it began in one', () => placeFor(heldBy(POD), undefined)],
    ['with a pod that was written into it', () => placeFor(heldBy(POD).replace(formatHolder(POD), formatHolder(OTHER_POD)), POD)],
  ])('does not exist %s', (_name, attempt) => {
    expect(denialOf(attempt)).toMatchObject({ code: 'ERR_SESSION_UNKNOWN', message: 'Session not found.' });
  });
});
