import { beforeEach, describe, expect, test } from '@jest/globals';
import { KubeError } from '../../../operator/kube/kube-error.ts';
import type { TokenReviewResult } from '../../../operator/kube/token-review.ts';
import { createPodReview } from '../../../operator/review-pod.ts';

const SERVER = { namespace: 'tools', name: 'github' };
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';

type Accepted = Extract<TokenReviewResult, { authenticated: true }>;

const aResult = (over: Partial<Accepted> = {}): TokenReviewResult => ({
  authenticated: true,
  username: 'system:serviceaccount:tools:default',
  uid: 'sa-uid',
  groups: [],
  extra: { [POD_NAME]: ['github-0'], [POD_UID]: ['pod-uid'] },
  audiences: ['mcpgateway.dev/bundles/tools/github'],
  ...over,
});
const TOKEN = 'head.claims.signature';

let asked: unknown[];
beforeEach(() => {
  asked = [];
});

function review(result: TokenReviewResult, server = SERVER) {
  return createPodReview({
    tokenReview: async (...question) => {
      asked.push(question);
      return result;
    },
  })(TOKEN, server);
}

describe('a token that the API server accepts', () => {
  test('is that of the pod it is bound to', async () => {
    expect(await review(aResult())).toEqual({ namespace: 'tools', podName: 'github-0', podUid: 'pod-uid' });
  });

  test('was asked about for the audience that names the server, and for no other', async () => {
    await review(aResult());
    await review(aResult(), { namespace: 'prod', name: 'jira' });
    expect(asked).toEqual([[TOKEN, ['mcpgateway.dev/bundles/tools/github']], [TOKEN, ['mcpgateway.dev/bundles/prod/jira']]]);
  });

  test('is of the namespace of its account, whatever server it asks for', async () => {
    expect(await review(aResult({ username: 'system:serviceaccount:other:default' }))).toMatchObject({ namespace: 'other' });
  });
});

describe('nobody', () => {
  test('is whose token the API server does not accept', async () => {
    expect(await review({ authenticated: false })).toBeUndefined();
  });

  test.each<[string, Partial<Accepted>]>([
    ['a person', { username: 'alice' }],
    ['a node', { username: 'system:node:worker-1' }],
    ['somebody whose name only holds that of an account', { username: 'oidc:system:serviceaccount:tools:default' }],
    ['an account without a namespace', { username: 'system:serviceaccount::default' }],
    ['an account of an impossible namespace', { username: 'system:serviceaccount:Tools/x:default' }],
    ['an account that has no name behind its namespace', { username: 'system:serviceaccount:tools' }],
    ['an account, bound to nothing', { extra: {} }],
    ['a pod without a name', { extra: { [POD_UID]: ['pod-uid'] } }],
    ['a pod without a uid', { extra: { [POD_NAME]: ['github-0'] } }],
    ['a pod with an empty list of names', { extra: { [POD_NAME]: [], [POD_UID]: ['pod-uid'] } }],
    ['a pod with an empty list of uids', { extra: { [POD_NAME]: ['github-0'], [POD_UID]: [] } }],
    ['two pods by name', { extra: { [POD_NAME]: ['github-0', 'github-1'], [POD_UID]: ['pod-uid'] } }],
    ['two pods by uid', { extra: { [POD_NAME]: ['github-0'], [POD_UID]: ['pod-uid', 'other-uid'] } }],
    ['one pod twice', { extra: { [POD_NAME]: ['github-0', 'github-0'], [POD_UID]: ['pod-uid', 'pod-uid'] } }],
  ])('is %s', async (_who, over) => {
    expect(await review(aResult(over))).toBeUndefined();
  });
});

test('a review that nobody can answer is an error, not a refusal', async () => {
  const failing = createPodReview({ tokenReview: () => Promise.reject(new KubeError('Timeout', 'no answer')) });
  await expect(failing(TOKEN, SERVER)).rejects.toMatchObject({ reason: 'Timeout' });
});
