import { describe, expect, test } from '@jest/globals';
import { contains } from '../../../../operator/kube/contains.ts';

const wanted = {
  metadata: { name: 'a', labels: { app: 'x' }, ownerReferences: [{ uid: '1', controller: true }] },
  spec: { ports: [{ port: 443, targetPort: 'https' }], ingress: [{}] },
};

describe('an object is as it is wanted', () => {
  test.each<[string, object]>([
    ['when it is the same', wanted],
    ['when it has more fields', { ...wanted, status: {}, metadata: { ...wanted.metadata, uid: 'u', labels: { app: 'x', more: 'y' } }, spec: { ...wanted.spec, clusterIP: '10.0.0.1', ports: [{ port: 443, targetPort: 'https', protocol: 'TCP' }] } }],
    ['when it has other owners, too, in any order', { ...wanted, metadata: { ...wanted.metadata, ownerReferences: [{ uid: '0' }, { uid: '1', controller: true, kind: 'K' }] } }],
  ])('%s', (_what, found) => {
    expect(contains(found, wanted)).toBe(true);
  });
});

describe('an object is not as it is wanted', () => {
  test.each<[string, unknown]>([
    ['when it is none', undefined],
    ['when a value is another', { ...wanted, metadata: { ...wanted.metadata, labels: { app: 'z' } } }],
    ['when a value is missing', { ...wanted, metadata: { name: 'a', ownerReferences: wanted.metadata.ownerReferences } }],
    ['when it has not this owner', { ...wanted, metadata: { ...wanted.metadata, ownerReferences: [{ uid: '2', controller: true }] } }],
    ['when the owner is no longer the controller', { ...wanted, metadata: { ...wanted.metadata, ownerReferences: [{ uid: '1', controller: false }] } }],
    ['when a list has more in it', { ...wanted, spec: { ...wanted.spec, ingress: [{}, { from: [] }] } }],
    ['when a list has less in it', { ...wanted, spec: { ...wanted.spec, ports: [] } }],
    ['when a list is another thing', { ...wanted, spec: { ...wanted.spec, ports: { 0: wanted.spec.ports[0] } } }],
  ])('%s', (_what, found) => {
    expect(contains(found, wanted)).toBe(false);
  });

  test.each([
    ['a selector of pods', 'podSelector', { matchLabels: { app: 'x' } }, { matchLabels: { app: 'x', more: 'y' } }],
    ['a selector of a Service', 'selector', { app: 'x' }, { app: 'x', more: 'y' }],
    ['a rule', 'ingress', [{ ports: [{ port: 15_443 }] }], [{ ports: [{ port: 15_443, endPort: 65_535 }] }]],
    ['data', 'data', { 'ca.crt': 'a' }, { 'ca.crt': 'a', more: 'b' }],
  ])('when %s has more in it', (_what, field, as, more) => {
    expect([contains({ spec: { [field]: as } }, { spec: { [field]: as } }), contains({ spec: { [field]: more } }, { spec: { [field]: as } })]).toEqual([true, false]);
  });

  test('when a field is wanted to be empty and is not there', () => {
    expect(contains({}, { spec: {} })).toBe(false);
  });
});
