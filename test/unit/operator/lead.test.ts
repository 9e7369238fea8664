import { beforeEach, expect, test } from '@jest/globals';
import type { ClusterView } from '../../../operator/cluster-view.ts';
import { systemScheduler } from '../../../operator/kube/scheduler.ts';
import { createLead } from '../../../operator/lead.ts';
import type { Lead } from '../../../operator/lead.ts';
import { keepLog, keepMetrics } from '../../kit/kube-parts.ts';
import { aToken } from './controllers/gateway-token/kit.ts';

let seen: string[];
let lead: Lead;
/** Resolves when that many reconciles have begun. */
let until: (count: number) => Promise<void>;

beforeEach(() => {
  seen = [];
  const waiting = new Set<() => void>();
  const see = (what: string): Promise<undefined> => {
    seen.push(what);
    for (const look of waiting) look();
    return Promise.resolve(undefined);
  };
  until = (count) =>
    new Promise((resolve) => {
      const look = (): void => {
        if (seen.filter((each) => each !== 'publish').length >= count) resolve();
      };
      waiting.add(look);
      look();
    });
  const nothing = { list: () => [], onChange: () => () => undefined };
  const tokens = { ...nothing, list: () => ['a', 'b'].map((name) => ({ object: aToken({}, { name }) })) };
  const servers = { ...nothing, list: () => [{ object: { metadata: { namespace: 'tools', name: 'github' } } }] };
  lead = createLead({
    view: { tokens, servers, pods: nothing } as unknown as ClusterView,
    ledger: { tokens: () => [] },
    streams: { onAcknowledged: () => undefined, onExposure: () => undefined },
    probe: () => Promise.resolve('Same' as const),
    writeUsage: () => Promise.resolve(),
    reconcileToken: (key) => see(`token ${key}`),
    reconcileServer: (key) => see(`server ${key}`),
    published: async () => void seen.push('publish'),
    clock: systemScheduler, log: keepLog(), metrics: keepMetrics().metrics,
  });
});

test('waits for what has changed to be published before it looks at a server, which is judged by that', async () => {
  const ending = new AbortController();
  const running = lead.run(ending.signal);
  await until(3);
  ending.abort();
  await running;
  expect(seen.toSorted()).toEqual(['publish', 'server tools/github', 'token tools/a', 'token tools/b']);
  expect(seen.indexOf('publish')).toBeLessThan(seen.indexOf('server tools/github'));
});

test('looks at every token anew when it is told to, while it leads', async () => {
  lead.reconsiderTokens();
  const ending = new AbortController();
  const running = lead.run(ending.signal);
  await until(3);
  seen.length = 0;
  lead.reconsiderTokens();
  await until(2);
  ending.abort();
  await running;
  expect(seen.filter((each) => each !== 'publish').toSorted()).toEqual(['token tools/a', 'token tools/b']);
  seen.length = 0;
  lead.reconsiderTokens();
  expect(seen).toEqual([]);
});
