/** What is compared; that the API server decides so is shown in test/integration/injection.test.ts. */
import { expect, test } from '@jest/globals';
import { guardedPodsPolicies } from '../../../../operator/policies/guarded-pods.ts';
import { ENVIRONMENT } from '../../../../api/sidecar-environment.ts';
import { VOLUMES } from '../../../../operator/webhook/names.ts';
import { SETTINGS } from '../../../kit/pod-examples.ts';

const { operatorAddress, audiencePrefix, authoritiesConfigMap, ports } = SETTINGS;
const settings = { images: ['a:1', 'a:2'], operatorAddress, audiencePrefix, authoritiesConfigMap, ports };
const written = JSON.stringify(guardedPodsPolicies(settings)).replaceAll('\\"', '"');

test('both images of an upgrade are accepted, on creation and on change', () => {
  expect(written.split('s.image in ["a:1", "a:2"]')).toHaveLength(3);
});

test('everything that injection names is compared with this setting', () => {
  for (const name of [...Object.values(ENVIRONMENT), ...Object.values(VOLUMES), operatorAddress, authoritiesConfigMap]) expect(written).toContain(`"${name}"`);
});

test('only labelled pods are judged, and all ways to change one', () => {
  expect(guardedPodsPolicies(settings).flatMap(({ spec }) => (spec as { matchConstraints?: object }).matchConstraints ?? [])).toEqual([
    expect.objectContaining({ resourceRules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }] }),
    expect.objectContaining({
      objectSelector: { matchExpressions: [{ key: 'mcpgateway.dev/server', operator: 'Exists' }] },
      resourceRules: [{ operations: ['UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'pods/status', 'pods/ephemeralcontainers', 'pods/resize'] }],
    }),
  ]);
});
