import { describe, expect, test } from '@jest/globals';
import type { ExposureReport } from '../../../../../api/bundle-stream.ts';
import type { BypassFindings } from '../../../../../operator/bypass/prober.ts';
import { bypassBlocked, loopbackOnly } from '../../../../../operator/controllers/mcp-server/exposure.ts';
import type { BypassFacts } from '../../../../../operator/controllers/mcp-server/exposure.ts';
import { aServer } from '../../../core/bundle/kit.ts';

type Said = ExposureReport['outcome'] | undefined;

const server = aServer('github');
const saying = (...said: Said[]): BypassFacts => ({
  server,
  pods: said.map((outcome, index) => ({ name: `pod-${String(index)}`, uid: `uid-${String(index)}`, isEnding: false, report: outcome === undefined ? undefined : { format: 1, port: 3000, outcome } })),
  bypass: undefined,
});

/** The same, with the last pod being deleted. */
const ending = (facts: BypassFacts): BypassFacts => ({ ...facts, pods: facts.pods.map((pod, index) => ({ ...pod, isEnding: index === facts.pods.length - 1 })) });

describe('LoopbackOnly', () => {
  test.each<[string, BypassFacts, string]>([
    ['every sidecar said so', saying('LoopbackOnly', 'LoopbackOnly'), 'True LoopbackOnly'],
    ['one has not said anything', saying('LoopbackOnly', undefined), 'Unknown Waiting'],
    ['one could not tell', saying('LoopbackOnly', 'Unclear'), 'Unknown ServerUnreachable'],
    ['one reached the server', saying('LoopbackOnly', 'Exposed'), 'False ServerExposed'],
    ['one reached the server and another is silent', saying(undefined, 'Exposed', 'Unclear'), 'False ServerExposed'],
    ['there is no pod', saying(), 'Unknown NoPods'],
    ['one that is being deleted is silent', ending(saying('LoopbackOnly', undefined)), 'True LoopbackOnly'],
    ['one that is being deleted reached the server', ending(saying('LoopbackOnly', 'Exposed')), 'False ServerExposed'],
    ['every pod is being deleted', ending(saying('LoopbackOnly')), 'Unknown NoPods'],
    ['they spoke of a former port', { ...saying('LoopbackOnly'), server: aServer('github', { upstream: { ...server.spec.upstream, port: 3001 } }) }, 'Unknown Waiting'],
  ])('where %s', (_what, facts, expected) => {
    const { status, reason } = loopbackOnly(facts);
    expect(`${status} ${reason}`).toBe(expected);
  });

  test('names the pods and says what to do', () => {
    expect(loopbackOnly(saying('Exposed', 'LoopbackOnly', 'Exposed')).message).toBe('Port 3000 answers on addresses of the pod in pod-0, pod-2: let the server listen on 127.0.0.1 alone.');
  });
});

type Tried = 'Open' | 'Blocked' | 'Unknown' | undefined;

const findings = (tried: readonly Tried[], over: Partial<BypassFindings> = {}): BypassFindings => ({
  serverPort: 3000,
  reach: new Map(tried.flatMap((reach, index) => (reach === undefined ? [] : [[`uid-${String(index)}`, reach] as const]))),
  services: [],
  ...over,
});
const tried = (outcomes: readonly Tried[], over: Partial<BypassFindings> = {}): BypassFacts => ({ ...saying(...outcomes.map(() => undefined)), bypass: findings(outcomes, over) });

describe('BypassBlocked', () => {
  test.each<[string, BypassFacts, string]>([
    ['no pod could be reached past its sidecar', tried(['Blocked', 'Blocked']), 'True BypassBlocked'],
    ['one could', tried(['Blocked', 'Open']), 'False ServerReachable'],
    ['one could, and the Services are not known', tried(['Unknown', 'Open'], { services: undefined }), 'False ServerReachable'],
    ['a Service goes past it', tried(['Blocked'], { services: ['shortcut'] }), 'False ServiceBypassesSidecar'],
    ['a Service goes past it, and nothing can be reached', tried(['Unknown'], { services: ['shortcut'] }), 'False ServiceBypassesSidecar'],
    ['not even the sidecar could be reached', tried(['Blocked', 'Unknown']), 'Unknown SidecarUnreachable'],
    ['a pod was not tried yet', tried(['Blocked', undefined]), 'Unknown Waiting'],
    ['the Services are not known', tried(['Blocked'], { services: undefined }), 'Unknown Waiting'],
    ['nothing was tried yet', saying('LoopbackOnly'), 'Unknown Waiting'],
    ['another port was tried', tried(['Blocked'], { serverPort: 3001 }), 'Unknown Waiting'],
    ['there is no pod', tried([]), 'Unknown NoPods'],
    ['one that is being deleted does not answer', ending(tried(['Blocked', 'Unknown'])), 'True BypassBlocked'],
    ['one that is being deleted was not tried', ending(tried(['Blocked', undefined])), 'True BypassBlocked'],
    ['one that is being deleted could be reached', ending(tried(['Blocked', 'Open'])), 'False ServerReachable'],
    ['every pod is being deleted', ending(tried(['Blocked'])), 'Unknown NoPods'],
  ])('where %s', (_what, facts, expected) => {
    const { status, reason } = bypassBlocked(facts);
    expect(`${status} ${reason}`).toBe(expected);
  });

  test('says what to do', () => {
    expect(bypassBlocked(tried(['Open'])).message).toBe('Port 3000 of pod-0 can be reached without the sidecar: let the server listen on 127.0.0.1 alone, or use a network that enforces NetworkPolicy.');
    expect(bypassBlocked(tried(['Blocked'], { services: ['b', 'a'] })).message).toBe('Service a, b sends clients to port 3000, past the sidecar: let it target the port mcpgw-https, or delete it.');
  });

  test('says so also where it is tolerated, and that it is', () => {
    const tolerant = aServer('github', { upstream: { ...server.spec.upstream, directAccess: 'Tolerated' } });
    expect(bypassBlocked({ ...tried(['Open']), server: tolerant })).toMatchObject({ status: 'False', message: expect.stringMatching(/ Tolerated by spec\.upstream\.directAccess\.$/) });
    expect(bypassBlocked({ ...tried(['Blocked']), server: tolerant }).message).not.toContain('Tolerated');
  });
});
