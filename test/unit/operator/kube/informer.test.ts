import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createInformer, type Informer, type InformerOptions } from '../../../../operator/kube/informer.ts';
import type { KubeObject } from '../../../../operator/kube/kube-object.ts';
import type { Change } from '../../../../operator/kube/object-store.ts';
import { PODS } from '../../../../operator/kube/resources.ts';
import { eventually } from '../../../kit/eventually.ts';
import { createFastScheduler } from '../../../kit/kube-clock.ts';
import { aClient, type TestClient } from '../../../kit/kube-parts.ts';
import { added, aList, aPod, aWatch, bookmark, deleted, type FaultyServer, json, modified, never, refusal, type Reply, reset, startFaultyServer, watchError } from '../../../kit/kube-server.ts';

interface Pod {
  readonly name: string;
  readonly version: string;
  readonly team: string;
}

/** Real sockets, and a clock on which the shortest pause takes 4 ms and a watch of five minutes 1.5 s. */
const FACTOR = 200;

let server: FaultyServer;
let kit: TestClient;
let stop: AbortController;
let ended: Promise<void>;
let changes: Change<Pod>[];

beforeEach(async () => {
  server = await startFaultyServer();
  kit = aClient(server.kubeconfig, createFastScheduler(FACTOR));
  stop = new AbortController();
  changes = [];
});
afterEach(async () => {
  stop.abort();
  await ended;
  await kit.client.close();
  await server.stop();
});

function parse(object: KubeObject): Pod {
  const { name, resourceVersion, labels } = object.metadata as KubeObject['metadata'] & { labels?: { team?: string } };
  if ('managedFields' in object.metadata) throw new Error('managedFields are there');
  if (labels?.team === 'bad') throw new Error('spec.team: is bad');
  return { name, version: resourceVersion, team: labels?.team ?? 'none' };
}

function start(options: Partial<InformerOptions<Pod>> = {}): Informer<Pod> {
  const { client, clock, log, metrics, random } = kit;
  const informer = createInformer<Pod>({ client, resource: PODS, namespace: 'test', parse, indexers: { team: ({ team }) => [team] }, clock, log, metrics, random, ...options });
  informer.onChange((change) => void changes.push(change));
  ended = informer.run(stop.signal);
  return informer;
}

const until = (what: string, holds: () => boolean) => eventually(what, async () => (holds() ? true : undefined), 5_000);
const told = () => changes.map(({ type, name }) => `${type} ${name}`);
const team = (name: string) => ({ labels: { team: name } });

describe('what it holds', () => {
  test('is what was listed and watched, by name and by index', async () => {
    server.replies('LIST', aList('5', aPod('a', '1', team('red')), aPod('b', '2', team('red'))));
    server.replies('WATCH', aWatch('open', added(aPod('c', '6', team('blue'))), modified(aPod('a', '7', team('blue'))), deleted(aPod('b', '8')), bookmark('9')));
    const informer = start();
    expect(informer.hasSynced()).toBe(false);
    expect(informer.lastProgress()).toBeUndefined();
    await informer.synced;
    await until('the bookmark', () => informer.lastProgress()?.resourceVersion === '9');
    expect(informer.hasSynced()).toBe(true);
    expect(informer.list()).toEqual([
      { name: 'c', version: '6', team: 'blue' },
      { name: 'a', version: '7', team: 'blue' },
    ]);
    expect(informer.get('test', 'a')?.version).toBe('7');
    expect(informer.get('test', 'b')).toBeUndefined();
    expect(informer.get('other', 'a')).toBeUndefined();
    expect(informer.byIndex('team', 'blue').map(({ name }) => name)).toEqual(['c', 'a']);
    expect(informer.byIndex('team', 'red')).toEqual([]);
    expect(() => informer.byIndex('owner', 'x')).toThrow(TypeError);
    expect(changes).toMatchObject([
      { type: 'added', name: 'a', initial: true },
      { type: 'added', name: 'b', initial: true },
      { type: 'added', name: 'c', initial: false },
      { type: 'updated', name: 'a', old: { version: '1' }, object: { version: '7' } },
      { type: 'deleted', name: 'b', old: { version: '2' } },
    ]);
    expect(await kit.value('mcpgateway_informer_objects', { informer: 'Pod' })).toBe(2);
    expect(await kit.value('mcpgateway_informer_missed_events_total', { informer: 'Pod' })).toBe(0);
  });

  test('leaves out what parse refuses, says why, and goes on', async () => {
    server.replies('LIST', aList('5', aPod('a', '1'), aPod('b', '2', team('bad'))));
    server.replies('WATCH', aWatch('open', modified(aPod('a', '6', team('bad'))), modified(aPod('b', '7')), added(aPod('c', '8', team('bad'))), deleted(aPod('c', '9'))));
    const informer = start();
    await until('the last event', () => informer.lastProgress()?.resourceVersion === '9');
    expect(informer.list()).toEqual([{ name: 'b', version: '7', team: 'none' }]);
    expect(informer.refusals()).toEqual([{ namespace: 'test', name: 'a', problem: 'spec.team: is bad' }]);
    expect(told()).toEqual(['added a', 'refused b', 'refused a', 'added b', 'refused c', 'forgotten c']);
    expect(changes[2]).toMatchObject({ problem: 'spec.team: is bad', old: { name: 'a' } });
    expect(await kit.value('mcpgateway_informer_refused_objects', { informer: 'Pod' })).toBe(1);
  });

  test('does not contain the record of who wrote which field', async () => {
    server.replies('LIST', aList('5', aPod('a', '1', { managedFields: [{ manager: 'x' }] })));
    server.replies('WATCH', aWatch('open'));
    const informer = start();
    await informer.synced;
    expect(informer.list()).toHaveLength(1);
  });

  test('is told as gone and come again if an object was made anew under its name', async () => {
    server.replies('LIST', aList('5', aPod('a', '1')));
    server.replies('WATCH', aWatch('open', modified({ ...aPod('a', '6'), metadata: { ...(aPod('a', '6')['metadata'] as object), uid: 'another' } })));
    const informer = start();
    await until('the event', () => informer.lastProgress()?.resourceVersion === '6');
    expect(told()).toEqual(['added a', 'deleted a', 'added a']);
  });

  test('reaches every listener, though one of them throws', async () => {
    server.replies('LIST', aList('5', aPod('a', '1'), aPod('b', '2')));
    server.replies('WATCH', aWatch('open', bookmark('9')));
    const { client, clock, log, metrics, random } = kit;
    const informer = createInformer<Pod>({ client, resource: PODS, namespace: 'test', parse, clock, log, metrics, random });
    informer.onChange(() => {
      throw new Error('mine');
    });
    const takeBack = informer.onChange(() => void changes.push());
    informer.onChange((change) => void changes.push(change));
    takeBack();
    ended = informer.run(stop.signal);
    await until('the bookmark', () => informer.lastProgress()?.resourceVersion === '9');
    expect(told()).toEqual(['added a', 'added b']);
    expect(await kit.value('mcpgateway_informer_listener_errors_total', { informer: 'Pod' })).toBe(2);
  });
});

describe('it goes on', () => {
  const FAULTS: readonly (readonly [string, Reply])[] = [
    ['401', refusal(401, 'Unauthorized')],
    ['403', refusal(403, 'Forbidden')],
    ['429', refusal(429, 'TooManyRequests')],
    ['500', refusal(500, 'InternalError')],
    ['504', refusal(504, 'Timeout')],
    ['a reset', reset],
    ['something that is no JSON', (response) => void response.end('<html>')],
  ];

  test.each(FAULTS)('after a list that meets %s', async (_title, fault) => {
    server.replies('LIST', fault, fault, aList('5', aPod('a', '1')));
    server.replies('WATCH', aWatch('open'));
    await start().synced;
    expect(told()).toEqual(['added a']);
    expect(server.count('LIST')).toBe(3);
  });

  test.each<readonly [string, Reply]>([
    ...FAULTS,
    ['410', refusal(410, 'Expired')],
    ['a 410 inside the stream', aWatch('open', watchError(410, 'Expired'))],
    ['a 500 inside the stream', aWatch('open', watchError(500, 'InternalError'))],
    ['a reset inside the stream', aWatch('reset', modified(aPod('a', '6')))],
    ['a line that is no JSON', aWatch('open', '{"type":"MOD')],
    ['an end in the middle of a line', (response) => void response.end('{"type":"MOD')],
  ])('after a watch that meets %s', async (_title, fault) => {
    server.replies('LIST', aList('5', aPod('a', '1')), aList('7', aPod('a', '7')));
    server.replies('WATCH', fault, fault, aWatch('open', modified(aPod('a', '8')), bookmark('9')));
    const informer = start();
    await until('the bookmark', () => informer.lastProgress()?.resourceVersion === '9');
    expect(informer.get('test', 'a')?.version).toBe('8');
    expect(server.count('WATCH')).toBe(3);
  });

  test('from where it was, without a list, when a watch ends or is reset', async () => {
    server.replies('LIST', aList('5'));
    server.replies('WATCH', aWatch('reset', added(aPod('a', '6'))), aWatch('reset', bookmark('8')), aWatch('open', bookmark('9')));
    const informer = start();
    await until('the bookmark', () => informer.lastProgress()?.resourceVersion === '9');
    expect(server.count('LIST')).toBe(1);
    const watches = server.seen.filter(({ query }) => query.has('watch'));
    expect(watches.map(({ query }) => query.get('resourceVersion'))).toEqual(['5', '6', '8']);
    for (const { query } of watches) {
      expect(query.get('allowWatchBookmarks')).toBe('true');
      expect(Number(query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(290);
      expect(Number(query.get('timeoutSeconds'))).toBeLessThanOrEqual(319);
    }
  });

  test('with a list after a 410, and tells what happened in between', async () => {
    server.replies('LIST', aList('5', aPod('a', '1'), aPod('b', '2'), aPod('c', '3')), aList('20', aPod('b', '2'), aPod('c', '18'), aPod('d', '19')));
    server.replies('WATCH', refusal(410, 'Expired'), aWatch('open', bookmark('21')));
    const informer = start();
    await until('the bookmark', () => informer.lastProgress()?.resourceVersion === '21');
    expect(told()).toEqual(['added a', 'added b', 'added c', 'deleted a', 'updated c', 'added d']);
    expect(changes.at(-1)).toMatchObject({ initial: false });
    expect(await kit.value('mcpgateway_informer_lists_total', { reason: 'expired' })).toBe(1);
    expect(await kit.value('mcpgateway_informer_missed_events_total')).toBe(0);
  });
});

describe('it waits', () => {
  test('ever longer when every watch is refused, so that an API server in distress is left alone', async () => {
    server.replies('LIST', aList('5'));
    server.replies('WATCH', refusal(410, 'Expired'));
    start({ random: () => 0.5 });
    await until('six pauses', () => kit.log.entries.length >= 6);
    expect(kit.log.entries.slice(0, 6).map(({ fields }) => fields['pauseMs'])).toEqual([1_200, 2_400, 3_750, 3_750, 3_750, 3_750]);
  });

  test('also when watches end at once without a fault', async () => {
    server.replies('LIST', aList('5'));
    server.replies('WATCH', (response) => void response.writeHead(200).end());
    // Slow enough for an exchange to take no second.
    await kit.client.close();
    kit = aClient(server.kubeconfig, createFastScheduler(20));
    start({ random: () => 0 });
    await until('three pauses', () => kit.log.entries.length >= 3);
    expect(kit.log.entries.slice(0, 3).map(({ fields }) => [fields['reason'], fields['pauseMs']])).toEqual([['WatchTooShort', 800], ['WatchTooShort', 1_600], ['WatchTooShort', 2_500]]);
  });

  test('as long as the API server asks', async () => {
    server.replies('LIST', aList('5'));
    server.replies('WATCH', refusal(429, 'TooManyRequests', 'no', { 'retry-after': '40' }), aWatch('open', bookmark('9')));
    start();
    await until('a pause', () => kit.log.entries.length >= 1);
    expect(kit.log.entries[0]?.fields['pauseMs']).toBe(40_000);
  });
});

describe('a connection that is dead without a sign', () => {
  test.each<readonly [string, Reply]>([
    ['before the answer', never],
    ['after the head of the answer', aWatch('open')],
    ['after a bookmark', aWatch('open', bookmark('6'))],
  ])('%s is cut, and watched anew', async (_title, silent) => {
    server.replies('LIST', aList('5'));
    server.replies('WATCH', silent, aWatch('open', added(aPod('a', '8'))));
    const informer = start({ timing: { silenceMs: 60_000, silenceAfterBookmarkMs: 20_000 } });
    await until('the event', () => informer.get('test', 'a') !== undefined);
    expect(server.count('WATCH')).toBe(2);
    expect(server.count('LIST')).toBe(1);
    await until('one open watch', () => server.connections().open <= 2);
  });

  test('is noticed within minutes once bookmarks have been seen', async () => {
    server.replies('LIST', aList('5'));
    server.replies('WATCH', aWatch('open', bookmark('6')), aWatch('open', bookmark('7')));
    const informer = start();
    await until('the first bookmark', () => informer.lastProgress()?.resourceVersion === '6');
    const heardMs = kit.clock.monotonicMs();
    await until('the second bookmark', () => informer.lastProgress()?.resourceVersion === '7');
    const silentMs = kit.clock.monotonicMs() - heardMs;
    expect(silentMs).toBeGreaterThan(170_000);
    expect(silentMs).toBeLessThan(400_000);
    expect(await kit.value('mcpgateway_informer_failures_total', { reason: 'WatchSilent' })).toBe(1);
  });
});

describe('the audit', () => {
  const timing = { auditMs: 10_000, auditSeconds: 10 };
  const short: Reply = (response) => {
    response.writeHead(200).flushHeaders();
    setTimeout(() => response.end(), 20);
  };

  test('finds and counts what no watch delivered, and brings it in', async () => {
    server.replies('LIST', aList('5', aPod('a', '1'), aPod('b', '2')), aList('9', aPod('a', '7'), aPod('c', '8')));
    server.replies('WATCH', short);
    const informer = start({ timing });
    await until('the change', () => informer.get('test', 'c') !== undefined);
    expect(told()).toEqual(['added a', 'added b', 'deleted b', 'updated a', 'added c']);
    expect(await kit.value('mcpgateway_informer_missed_events_total', { informer: 'Pod' })).toBe(3);
    expect(await kit.value('mcpgateway_informer_lists_total', { reason: 'missed' })).toBe(1);
  });

  test('does not count what was still on its way', async () => {
    server.replies('LIST', aList('5', aPod('a', '1')), aList('9', aPod('a', '7')));
    const late: Reply = (response) => {
      response.writeHead(200).write(`${JSON.stringify(modified(aPod('a', '7')))}\n`);
      setTimeout(() => response.end(), 20);
    };
    server.replies('WATCH', ...Array.from({ length: 5 }, () => short), late);
    const informer = start({ timing: { ...timing, auditMs: 15_000 } });
    await until('an audit', () => server.count('LIST') >= 3);
    expect(informer.get('test', 'a')?.version).toBe('7');
    expect(await kit.value('mcpgateway_informer_lists_total', { reason: 'audit' })).toBeGreaterThanOrEqual(1);
  });

  test('that is refused keeps no watch from being opened', async () => {
    server.replies('LIST', aList('5'), refusal(403, 'Forbidden'));
    server.replies('WATCH', short, short, short, short, short, aWatch('open', added(aPod('a', '6'))));
    const informer = start({ timing });
    await until('the event', () => informer.get('test', 'a') !== undefined);
    expect(server.count('LIST')).toBeGreaterThanOrEqual(2);
  });
});

describe('stopping', () => {
  test.each<readonly [string, Reply, Reply]>([
    ['while the list hangs', never, never],
    // For longer than the test: nothing is under way when it stops.
    ['while it waits after a failure', refusal(403, 'Forbidden', 'no', { 'retry-after': '300' }), never],
    ['while a watch is being opened', aList('5'), never],
    ['while a watch is open', aList('5'), aWatch('open', bookmark('6'))],
    ['while an answer has come half-way', json(200, {}), (response) => void response.write('{')],
  ])('works %s', async (_title, list, watch) => {
    server.replies('LIST', list);
    server.replies('WATCH', watch);
    start();
    await until('a request', () => server.seen.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    stop.abort();
    await ended;
    const requests = server.seen.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.seen).toHaveLength(requests);
  });

  test('works before the start', async () => {
    stop.abort();
    start();
    await ended;
    expect(server.seen).toHaveLength(0);
  });
});
