/** What the API can say and this release does not enforce. Refused by name: ignoring it would let more through. */
import type { GatewayToken, MCPServer } from '../../api/v1alpha1/index.ts';
import { type ObjectProblem, problemOf } from './problem.ts';

const NOT_SUPPORTED = 'is not supported by this release';

export const UNSUPPORTED_SERVER_FIELDS: readonly { readonly field: string; readonly isUsed: (server: MCPServer) => boolean }[] = [
  { field: 'spec.authentication.oidc', isUsed: ({ spec }) => spec.authentication.oidc !== undefined },
  { field: 'spec.authentication.clientCertificates', isUsed: ({ spec }) => spec.authentication.clientCertificates !== undefined },
  { field: 'spec.upstream.transport', isUsed: ({ spec }) => spec.upstream.transport !== 'StreamableHTTP' },
  { field: 'spec.identity.assertion', isUsed: ({ spec }) => spec.identity?.assertion === 'Enabled' },
];

export const UNSUPPORTED_TOKEN_FIELDS: readonly { readonly field: string; readonly isUsed: (token: GatewayToken) => boolean }[] = [
  { field: 'spec.type', isUsed: ({ spec }) => spec.type !== 'Bearer' && spec.type !== 'APIKey' },
  { field: 'spec.binding', isUsed: ({ spec }) => spec.binding !== 'None' },
];

export function unsupportedServerFields(server: MCPServer): readonly ObjectProblem[] {
  return UNSUPPORTED_SERVER_FIELDS.filter(({ isUsed }) => isUsed(server)).map(({ field }) => problemOf(server, field, NOT_SUPPORTED, 'NotSupported'));
}

export function unsupportedTokenFields(token: GatewayToken): readonly ObjectProblem[] {
  return UNSUPPORTED_TOKEN_FIELDS.filter(({ isUsed }) => isUsed(token)).map(({ field }) => problemOf(token, field, NOT_SUPPORTED, 'NotSupported'));
}
