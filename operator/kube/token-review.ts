/** Who the API server says a token belongs to. */
import { isRecord } from '../../core/mcp/record.ts';
import { KubeError } from './kube-error.ts';
import { isName } from './kube-object.ts';

export type TokenReviewResult =
  | { readonly authenticated: false }
  | {
      readonly authenticated: true;
      readonly username: string;
      readonly uid: string;
      readonly groups: readonly string[];
      readonly extra: Readonly<Record<string, readonly string[]>>;
      /** Those of the asked audiences that the token is for; never empty. */
      readonly audiences: readonly string[];
    };

/**
 * `authenticated` only with a user name and one of the asked audiences. An authenticator that knows nothing of
 * audiences accepts any token and answers without them: that is not authenticated.
 */
export function parseTokenReview(answer: unknown, asked: readonly string[]): TokenReviewResult {
  const status = isRecord(answer) ? answer['status'] : undefined;
  if (!isRecord(status)) throw new KubeError('ResponseMalformed', 'the API server sent a TokenReview without a status');
  const user = status['user'];
  const audiences = textsIn(status['audiences']).filter((audience) => asked.includes(audience));
  if (status['authenticated'] !== true || !isRecord(user) || !isName(user['username']) || audiences.length === 0) return { authenticated: false };
  const extra = isRecord(user['extra']) ? Object.entries(user['extra']).map(([key, values]) => [key, textsIn(values)] as const) : [];
  return {
    authenticated: true,
    username: user['username'],
    uid: isName(user['uid']) ? user['uid'] : '',
    groups: textsIn(user['groups']),
    extra: Object.fromEntries(extra),
    audiences,
  };
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry: unknown) => typeof entry === 'string') : [];
}
