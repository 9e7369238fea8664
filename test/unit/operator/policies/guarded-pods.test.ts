/** What is compared; that the API server decides so is shown in test/integration/injection.test.ts. */
import { expect, test } from '@jest/globals';
import { guardedPodsPolicies } from '../../../../operator/policies/guarded-pods.ts';
import { ENVIRONMENT } from '../../../../api/sidecar-environment.ts';
import { VOLUMES } from '../../../../operator/webhook/names.ts';
import { SETTINGS } from '../../../kit/pod-examples.ts';

const { operatorAddress, audiencePrefix, authoritiesConfigMap, ports } = SETTINGS;
const settings = { images: ['a:1', 'a:2'], repositories: ['a', 'registry.example:5000/b'], operatorAddress, audiencePrefix, authoritiesConfigMap, ports };
const written = JSON.stringify(guardedPodsPolicies(settings)).replaceAll('\\"', '"');

test('both images of an upgrade are accepted, on creation and on change', () => {
  expect(written.split('s.image in ["a:1", "a:2"]')).toHaveLength(4);
});

test('an image is of a repository where only tag and digest follow its name', () => {
  const [expression = ''] = /"\^\(\?:.+?\$"/.exec(written.replaceAll('\\\\', '\\')) ?? [];
  const pattern = new RegExp(JSON.parse(expression) as string);
  for (const image of ['a:3', `a@sha256:${'0'.repeat(64)}`, 'registry.example:5000/b:1']) expect(image).toMatch(pattern);
  for (const image of ['ab:3', 'a/b:3', 'a:5000/b', 'a:3\n', 'x/a:3', 'registryxexample:5000/b:1', 'registry.example/b:1', 'a@sha256:0']) expect(image).not.toMatch(pattern);
});

test('everything that injection names is compared with this setting', () => {
  for (const name of [...Object.values(ENVIRONMENT), ...Object.values(VOLUMES), operatorAddress, authoritiesConfigMap]) expect(written).toContain(`"${name}"`);
});

const created: unknown = expect.objectContaining({
  objectSelector: { matchExpressions: [{ key: 'mcpgateway.dev/server', operator: 'Exists' }] },
  resourceRules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
});

test('only labelled pods are judged, and all ways to change one', () => {
  expect(guardedPodsPolicies(settings).flatMap(({ spec }) => (spec as { matchConstraints?: object }).matchConstraints ?? [])).toEqual([
    created,
    created,
    expect.objectContaining({
      objectSelector: { matchExpressions: [{ key: 'mcpgateway.dev/server', operator: 'Exists' }] },
      resourceRules: [{ operations: ['UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'pods/status', 'pods/ephemeralcontainers', 'pods/resize'] }],
    }),
  ]);
});
