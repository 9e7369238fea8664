import { describe, expect, test } from '@jest/globals';
import { allowing, parseAdmissionReview, refusing } from '../../../../operator/webhook/admission-review.ts';
import { aPod, aReview } from '../../../kit/pod-examples.ts';

describe('a review', () => {
  test('is read with everything that injection needs', () => {
    expect(parseAdmissionReview(aReview(aPod()))).toEqual({
      request: { uid: '705ab4f5-6393-11e8-b7cc-42010a800002', namespace: 'tools', operation: 'CREATE', target: '/v1/pods', object: aPod(), isDryRun: false },
    });
  });

  test('names the subresource', () => {
    expect(parseAdmissionReview(aReview(aPod(), { subResource: 'status' }))).toMatchObject({ request: { target: '/v1/pods/status' } });
  });

  const review = aReview(aPod());
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'no AdmissionReview'],
    ['a list', [review], 'no AdmissionReview'],
    ['another version', { ...review, apiVersion: 'admission.k8s.io/v1beta1' }, 'no AdmissionReview'],
    ['another kind', { ...review, kind: 'Pod' }, 'no AdmissionReview'],
    ['no request', { apiVersion: review['apiVersion'], kind: review['kind'] }, 'request.uid'],
    ['no uid', aReview(aPod(), { uid: undefined }), 'request.uid'],
    ['a uid that is a number', aReview(aPod(), { uid: 1 }), 'request.uid'],
    ['a long uid', aReview(aPod(), { uid: 'a'.repeat(129) }), 'request.uid'],
    ['a uid with a line break', aReview(aPod(), { uid: 'a\nb' }), 'request.uid'],
    ['no namespace', aReview(aPod(), { namespace: '' }), 'request.namespace'],
    ['a namespace with a slash', aReview(aPod(), { namespace: 'a/b' }), 'request.namespace'],
    ['no operation', aReview(aPod(), { operation: 1 }), 'request.operation'],
    ['no resource', aReview(aPod(), { resource: { group: '' } }), 'request.resource'],
    ['a subresource that is a number', aReview(aPod(), { subResource: 1 }), 'request.resource'],
    ['no object', aReview(null), 'request.object'],
    ['an object that is a list', aReview([]), 'request.object'],
  ])('is refused with %s', (_title, body, problem) => {
    expect(parseAdmissionReview(body)).toEqual({ problem: expect.stringContaining(problem) });
  });
});

describe('an answer', () => {
  test('carries the uid and the patch', () => {
    const { response } = allowing('u', [{ op: 'remove', path: '/ü' }]);
    expect(response).toEqual({ uid: 'u', allowed: true, patchType: 'JSONPatch', patch: Buffer.from('[{"op":"remove","path":"/ü"}]').toString('base64') });
  });

  test('has no patch when there is nothing to change', () => {
    expect(allowing('u', []).response).toEqual({ uid: 'u', allowed: true });
  });

  test('refuses with a status', () => {
    expect(refusing('u', { code: 403, reason: 'HostPID', message: 'm' }).response).toEqual({ uid: 'u', allowed: false, status: { code: 403, reason: 'HostPID', message: 'm' } });
  });
});
