import { beforeEach, describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../../runtime/metrics.ts';
import type { Metrics } from '../../../runtime/metrics.ts';
import { createSidecarMetrics } from '../../../sidecar/metrics.ts';
import type { SidecarMetrics } from '../../../sidecar/metrics.ts';
import { aCall, aClock, aDenial, anExchange, aPrincipal, aRefusal, SERVER } from './audit/kit.ts';
import type { ManualClock } from './audit/kit.ts';

let registry: Metrics;
let metrics: SidecarMetrics;
let clock: ManualClock;

beforeEach(() => {
  registry = createMetrics();
  clock = aClock();
  metrics = createSidecarMetrics(registry, clock);
  metrics.served([{ server: 'team-a/everything', revision: 'r1' }]);
});

async function samples(prefix: string): Promise<string[]> {
  const { text } = await registry.render();
  return text.split('\n').filter((line) => line.startsWith(prefix));
}

const labels = (server: string, outcome: string, code: string, method: string, credential: string): string =>
  `mcpgateway_requests_total{server="${server}",outcome="${outcome}",code="${code}",method="${method}",credential="${credential}"}`;

describe('requests', () => {
  test('are counted with the words of their records', async () => {
    metrics.observe(anExchange(), 2);
    metrics.observe(anExchange(), 2);
    metrics.observe(anExchange({ principal: aPrincipal({ method: 'api-key' }) }), 2);
    metrics.observe(anExchange({ permitRule: undefined, denial: aDenial('ERR_PERMISSION_DENIED') }), 2);
    metrics.observe(anExchange({ permitRule: undefined }), 2);
    expect(await samples('mcpgateway_requests_total')).toEqual([
      `${labels('team-a/everything', 'allowed', 'none', 'tools/call', 'bearer')} 2`,
      `${labels('team-a/everything', 'allowed', 'none', 'tools/call', 'api-key')} 1`,
      `${labels('team-a/everything', 'denied', 'ERR_PERMISSION_DENIED', 'tools/call', 'bearer')} 1`,
      `${labels('team-a/everything', 'aborted', 'none', 'tools/call', 'bearer')} 1`,
    ]);
  });

  test('are timed in seconds per server', async () => {
    metrics.observe(anExchange(), 7);
    expect(await samples('mcpgateway_request_duration_seconds_sum')).toEqual([
      'mcpgateway_request_duration_seconds_sum{server="team-a/everything"} 0.007',
    ]);
    expect(await samples('mcpgateway_request_duration_seconds_bucket{le="0.005"')).toEqual([expect.stringMatching(/ 0$/)]);
    expect(await samples('mcpgateway_request_duration_seconds_bucket{le="0.01"')).toEqual([expect.stringMatching(/ 1$/)]);
  });

  test('without a valid credential are authentication failures', async () => {
    metrics.observe(aRefusal(), 1);
    metrics.observe(aRefusal({ denial: aDenial('ERR_PATH_UNKNOWN'), server: undefined }), 1);
    expect(await samples('mcpgateway_authentication_failures_total')).toEqual([
      'mcpgateway_authentication_failures_total{server="team-a/everything",code="ERR_CREDENTIAL_INVALID"} 1',
    ]);
    expect(await samples(labels('none', 'denied', 'ERR_PATH_UNKNOWN', 'none', 'none'))).toHaveLength(1);
  });

  test('that failed at the upstream are upstream errors and allowed', async () => {
    metrics.observe(anExchange({ denial: aDenial('ERR_UPSTREAM_TIMEOUT') }), 1);
    expect(await samples('mcpgateway_upstream_errors_total')).toEqual([
      'mcpgateway_upstream_errors_total{server="team-a/everything",code="ERR_UPSTREAM_TIMEOUT"} 1',
    ]);
    expect(await samples(labels('team-a/everything', 'allowed', 'ERR_UPSTREAM_TIMEOUT', 'tools/call', 'bearer'))).toHaveLength(1);
  });

  test('L2: ten thousand method names and unknown servers make two series', async () => {
    for (let index = 0; index < 10_000; index += 1) {
      metrics.observe(anExchange({ message: aCall('x', `made/up${index}`) }), 1);
      metrics.observe(anExchange({ message: aCall('x', `made/up${index}`), server: { ...SERVER, name: `s${index}` } }), 1);
    }
    expect(await samples('mcpgateway_requests_total')).toEqual([
      `${labels('team-a/everything', 'allowed', 'none', 'other', 'bearer')} 10000`,
      `${labels('none', 'allowed', 'none', 'other', 'bearer')} 10000`,
    ]);
  });

  test('M3: carry no text that a client sent', async () => {
    const canary = 'canary-8417';
    metrics.observe(
      anExchange({
        peer: canary,
        sessionId: canary,
        permitRule: canary,
        message: aCall(canary, canary),
        principal: aPrincipal({ subject: canary, issuer: canary }),
        denial: aDenial('ERR_UPSTREAM_TIMEOUT', canary),
        upstreamCredentials: [canary],
      }),
      1,
    );
    expect((await registry.render()).text).not.toContain(canary);
  });
});

describe('series of a server', () => {
  test('end when it is no longer served, and those of others stay', async () => {
    const other = { ...SERVER, name: 'other' };
    metrics.served([
      { server: 'team-a/everything', revision: 'r1' },
      { server: 'team-a/other', revision: 'r1' },
    ]);
    metrics.observe(anExchange(), 1);
    metrics.observe(anExchange({ server: other }), 1);
    metrics.observe(aRefusal({ server: other }), 1);
    metrics.observe(anExchange({ server: other, denial: aDenial('ERR_UPSTREAM_TIMEOUT') }), 1);
    metrics.served([{ server: 'team-a/everything', revision: 'r2' }]);
    const { text } = await registry.render();
    expect(text).not.toContain('team-a/other');
    expect(await samples(labels('team-a/everything', 'allowed', 'none', 'tools/call', 'bearer'))).toHaveLength(1);
    metrics.observe(anExchange({ server: other }), 1);
    expect((await registry.render()).text).not.toContain('team-a/other');
  });

  test('begin again at 1 when it comes back', async () => {
    metrics.observe(anExchange(), 1);
    metrics.served([]);
    metrics.served([{ server: 'team-a/everything', revision: 'r3' }]);
    metrics.observe(anExchange(), 1);
    expect(await samples('mcpgateway_requests_total')).toEqual([`${labels('team-a/everything', 'allowed', 'none', 'tools/call', 'bearer')} 1`]);
  });
});

describe('the state of the sidecar', () => {
  test('shows the revision in force and no older one', async () => {
    metrics.served([{ server: 'team-a/everything', revision: 'r2' }]);
    expect(await samples('mcpgateway_policy_revision_info')).toEqual([
      'mcpgateway_policy_revision_info{server="team-a/everything",revision="r2"} 1',
    ]);
  });

  test('the policy grows stale until it is confirmed', async () => {
    clock.advance(90_000);
    expect(await samples('mcpgateway_policy_staleness_seconds')).toEqual(['mcpgateway_policy_staleness_seconds 90']);
    metrics.policyConfirmed();
    clock.advance(1_500);
    expect(await samples('mcpgateway_policy_staleness_seconds')).toEqual(['mcpgateway_policy_staleness_seconds 1.5']);
  });

  test('streams are counted while they are open and by why they were cut', async () => {
    metrics.streamOpened();
    metrics.streamOpened();
    metrics.streamClosed();
    metrics.streamCut('revoked');
    expect(await samples('mcpgateway_open_streams')).toEqual(['mcpgateway_open_streams 1']);
    expect(await samples('mcpgateway_streams_cut_total')).toEqual(['mcpgateway_streams_cut_total{cause="revoked"} 1']);
  });

  test('problems of the configuration and bytes that were no request are shown', async () => {
    metrics.configProblems(3);
    metrics.configProblems(2);
    metrics.malformed('HPE_INVALID_METHOD');
    expect(await samples('mcpgateway_config_problems')).toEqual(['mcpgateway_config_problems 2']);
    expect(await samples('mcpgateway_malformed_requests_total')).toEqual(['mcpgateway_malformed_requests_total{code="HPE_INVALID_METHOD"} 1']);
  });

  test('records of the audit log are counted, and those it lost', async () => {
    metrics.audit.recorded();
    metrics.audit.dropped(5);
    metrics.audit.summarised();
    expect(await samples('mcpgateway_audit_')).toEqual([
      'mcpgateway_audit_records_total 1',
      'mcpgateway_audit_dropped_total 5',
      'mcpgateway_audit_summarised_total 1',
    ]);
  });
});
