import { expect, test } from '@jest/globals';
import { probeReach } from '../../../../operator/bypass/probe.ts';
import type { ConnectOutcome, TryConnect } from '../../../../runtime/try-connect.ts';

const SERVER = 3000;
const SIDECAR = 15_443;
/** What answers where, as `<address> <port>`; nothing else does. */
const answering = (open: Readonly<Record<string, ConnectOutcome>>): TryConnect => async ({ address, port }) => open[`${address} ${String(port)}`] ?? 'Unanswered';
const probe = (open: Readonly<Record<string, ConnectOutcome>>, ips: readonly string[] = ['10.0.0.1', 'fd00::1'], sidecarPort: number | undefined = SIDECAR) =>
  probeReach({ ips, serverPort: SERVER, sidecarPort }, answering(open), new AbortController().signal);
const control = { '10.0.0.1 15443': 'Connected', 'fd00::1 15443': 'Connected' } as const;

test('a server that drops or refuses what its sidecar takes is blocked', async () => {
  expect(await probe(control)).toBe('Blocked');
  expect(await probe({ ...control, '10.0.0.1 3000': 'Refused', 'fd00::1 3000': 'Refused' })).toBe('Blocked');
});

test('a server that answers on one of its addresses is open, whatever else does', async () => {
  expect(await probe({ ...control, 'fd00::1 3000': 'Connected' })).toBe('Open');
  expect(await probe({ '10.0.0.1 3000': 'Connected' })).toBe('Open');
});

test('nothing is known where the sidecar does not answer either, on any of the addresses', async () => {
  expect(await probe({})).toBe('Unknown');
  expect(await probe({ '10.0.0.1 15443': 'Connected' })).toBe('Unknown');
  expect(await probe({ ...control, '10.0.0.1 15443': 'Refused' })).toBe('Unknown');
});

test('nothing is known of a pod without a sidecar or without an address', async () => {
  expect(await probeReach({ ips: ['10.0.0.1'], serverPort: SERVER, sidecarPort: undefined }, answering(control), new AbortController().signal)).toBe('Unknown');
  expect(await probe(control, [])).toBe('Unknown');
});
