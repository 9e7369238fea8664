import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../../runtime/metrics.ts';
import type { Metrics } from '../../../runtime/metrics.ts';

async function samples(metrics: Metrics): Promise<string[]> {
  const { text } = await metrics.render();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('metrics', () => {
  test('a scrape shows the sum of what a child counted, once', async () => {
    const metrics = createMetrics();
    const child = metrics.counter('x_total', 'X.', ['server']).labels({ server: 'a' });
    child.inc();
    child.inc(4);
    expect(await samples(metrics)).toEqual(['x_total{server="a"} 5']);
    child.inc();
    expect(await samples(metrics)).toEqual(['x_total{server="a"} 6']);
    expect(await samples(metrics)).toEqual(['x_total{server="a"} 6']);
  });

  test('a counter is shown as 0 before its first event', async () => {
    const metrics = createMetrics();
    metrics.counter('x_total', 'X.', []).labels({});
    expect(await samples(metrics)).toEqual(['x_total 0']);
  });

  test('the same labels give the same child in whatever order they are written', () => {
    const family = createMetrics().counter('x_total', 'X.', ['a', 'b']);
    expect(family.labels({ a: '1', b: '2' })).toBe(family.labels({ b: '2', a: '1' }));
    expect(family.labels({ a: '1', b: '2' })).not.toBe(family.labels({ a: '2', b: '1' }));
  });

  test('a removed series is no longer shown and starts at 0 when it comes back', async () => {
    const metrics = createMetrics();
    const family = metrics.counter('x_total', 'X.', ['server']);
    family.labels({ server: 'a' }).inc(3);
    family.labels({ server: 'b' }).inc();
    family.remove({ server: 'a' });
    expect(await samples(metrics)).toEqual(['x_total{server="b"} 1']);
    family.labels({ server: 'a' }).inc();
    expect(await samples(metrics)).toContain('x_total{server="a"} 1');
  });

  test('what a holder of a removed child still counts is not shown', async () => {
    const metrics = createMetrics();
    const family = metrics.counter('x_total', 'X.', ['server']);
    const stale = family.labels({ server: 'a' });
    family.remove({ server: 'a' });
    family.remove({ server: 'a' });
    stale.inc();
    expect(await samples(metrics)).toEqual([]);
  });

  test('a gauge is set, added to, and asked for its value at the scrape', async () => {
    const metrics = createMetrics();
    const open = metrics.gauge('open', 'Open.', []).labels({});
    open.set(5);
    open.add(-2);
    let age = 1;
    const ages: { labels(values: object): { set(value: number): void } } = metrics.gauge('age', 'Age.', [], () => ages.labels({}).set(age));
    age = 9;
    expect(await samples(metrics)).toEqual(['open 3', 'age 9']);
  });

  test('a histogram counts into its buckets', async () => {
    const metrics = createMetrics();
    const child = metrics.histogram({ name: 's', help: 'S.', labels: ['server'] }, [0.1, 1]).labels({ server: 'a' });
    child.observe(0.05);
    child.observe(0.5);
    expect(await samples(metrics)).toEqual([
      's_bucket{le="0.1",server="a"} 1',
      's_bucket{le="1",server="a"} 2',
      's_bucket{le="+Inf",server="a"} 2',
      's_sum{server="a"} 0.55',
      's_count{server="a"} 2',
    ]);
  });

  test('two sets of metrics share nothing', async () => {
    const first = createMetrics();
    const second = createMetrics();
    first.counter('x_total', 'X.', []).labels({}).inc();
    second.counter('x_total', 'X.', []);
    expect(await samples(first)).toEqual(['x_total 1']);
    expect(await samples(second)).not.toContain('x_total 1');
  });

  test('process metrics are shown when asked for', async () => {
    const asked = await samples(createMetrics({ processMetrics: true }));
    expect(asked.some((line) => line.startsWith('process_cpu_seconds_total'))).toBe(true);
    expect(await samples(createMetrics())).toEqual([]);
  });

  test('the text is in the format that scrapers ask for', async () => {
    expect((await createMetrics().render()).contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });
});
