import { expect, test } from '@jest/globals';
import { bypassingServices } from '../../../../operator/bypass/bypassing-services.ts';
import type { KubeObject } from '../../../../operator/kube/kube-object.ts';

const LABELS = { 'mcpgateway.dev/server': 'github', app: 'github' };
const PODS = [{ labels: LABELS, namedPorts: [{ name: 'http', port: 3000 }, { name: 'mcpgw-https', port: 15_443 }] }];
const aService = (spec: unknown): KubeObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'it', uid: 'u', resourceVersion: '1' }, spec });

test.each<[string, unknown, boolean]>([
  ['our own', { selector: { 'mcpgateway.dev/server': 'github' }, ports: [{ port: 443, targetPort: 'mcpgw-https' }] }, false],
  ['one for the port by number', { selector: { app: 'github' }, ports: [{ port: 80, targetPort: 3000 }] }, true],
  ['one for the port by name', { selector: { app: 'github' }, ports: [{ port: 80, targetPort: 'http' }] }, true],
  ['one that names no target', { selector: { app: 'github' }, ports: [{ port: 3000 }] }, true],
  ['one of two ports', { selector: { app: 'github' }, ports: [{ port: 443, targetPort: 'mcpgw-https' }, { port: 80, protocol: 'TCP', targetPort: 3000 }] }, true],
  ['one for another port', { selector: { app: 'github' }, ports: [{ port: 80, targetPort: 9090 }] }, false],
  ['one for a name that no port has', { selector: { app: 'github' }, ports: [{ port: 80, targetPort: 'web' }] }, false],
  ['one for UDP', { selector: { app: 'github' }, ports: [{ port: 80, protocol: 'UDP', targetPort: 3000 }] }, false],
  ['one for other pods', { selector: { app: 'jira' }, ports: [{ port: 80, targetPort: 3000 }] }, false],
  ['one that asks for a label more', { selector: { app: 'github', tier: 'x' }, ports: [{ port: 80, targetPort: 3000 }] }, false],
  ['one with an empty selector', { selector: {}, ports: [{ port: 80, targetPort: 3000 }] }, false],
  ['one without a selector', { ports: [{ port: 80, targetPort: 3000 }] }, false],
  ['one without ports', { selector: { app: 'github' } }, false],
])('%s', (_what, spec, isBypassing) => {
  expect(bypassingServices([aService(spec)], PODS, 3000)).toEqual(isBypassing ? ['it'] : []);
});

test('a Service that selects one of several pods is one', () => {
  const pods = [{ labels: { app: 'other' }, namedPorts: [] }, ...PODS];
  expect(bypassingServices([aService({ selector: { app: 'github' }, ports: [{ port: 3000 }] })], pods, 3000)).toEqual(['it']);
});
