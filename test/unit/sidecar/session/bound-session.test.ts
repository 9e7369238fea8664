import { describe, expect, test } from '@jest/globals';
import type { Message } from '../../../../core/mcp/message.ts';
import { sessionShownAs, upstreamSessionOf } from '../../../../sidecar/session/bound-session.ts';
import { aHead, aRequest, aServer, denialOf, ECHO, liveToken, presentedOf, STREAM } from '../kit.ts';

const ALICE = liveToken();
const BOB = liveToken({ name: 'bob' });
const SERVER = aServer({ tokens: [ALICE, BOB] });
const alice = presentedOf(SERVER, ALICE).principal;
const bob = presentedOf(SERVER, BOB).principal;
const MODERN = aRequest('tools/call', { kind: 'tool', name: 'echo' }, 'modern');
const TERMINATE: Message = { kind: 'terminate', era: 'legacy' };
const RESPONSE: Message = { kind: 'single', era: 'legacy', entry: { kind: 'response', id: 1 } };
const shown = sessionShownAs('upstream-1', ECHO, SERVER, alice) ?? '';
const upstream = (message: Message, principal = alice, headers = ['Mcp-Session-Id', shown]): string | undefined =>
  upstreamSessionOf(aHead(headers), message, SERVER, principal);

describe('a session', () => {
  test.each<[string, Message]>([['a call', ECHO], ['a stream', STREAM], ['its end', TERMINATE], ['a response', RESPONSE]])('leads %s of its principal to the upstream id', (_name, message) => {
    expect(upstream(message)).toBe('upstream-1');
  });

  test('does not show the upstream id to the client, nor any id in the modern era', () => {
    expect(shown).not.toContain('upstream-1');
    expect(sessionShownAs('upstream-1', MODERN, SERVER, alice)).toBeUndefined();
    expect(upstream(MODERN)).toBeUndefined();
  });

  test('H1 does not exist for another principal, on another server, or where its id is made up', () => {
    const unknown = { code: 'ERR_SESSION_UNKNOWN', message: 'Session not found.', detail: { rpcId: 7 } };
    expect(denialOf(() => upstream(ECHO, bob))).toMatchObject(unknown);
    expect(denialOf(() => upstream(ECHO, alice, ['Mcp-Session-Id', 'upstream-1']))).toMatchObject(unknown);
    const other = aServer({ name: 'other', tokens: [ALICE] });
    expect(denialOf(() => upstreamSessionOf(aHead(['Mcp-Session-Id', shown]), ECHO, other, alice))).toMatchObject(unknown);
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
});
