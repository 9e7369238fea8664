import { expect, test } from '@jest/globals';
import { peerPodName, peerServerName } from '../../../api/peer-name.ts';

const UID = '01234567-89ab-4def-8123-456789abcdef';

test('names of peers are of the pod within the server, below a domain that nobody resolves, and fit into DNS', () => {
  expect(peerServerName('server')).toBe('server.peer.mcpgateway.internal');
  expect(peerPodName('server', 'pod')).toBe('pod.server.peer.mcpgateway.internal');
  const labels = peerPodName(UID, UID).split('.');
  expect(Math.max(...labels.map(({ length }) => length))).toBeLessThanOrEqual(63);
  expect(labels.join('.').length).toBeLessThanOrEqual(253);
});
