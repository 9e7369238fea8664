/**
 * Who may write a GatewayToken for whom. An author needs the verb `assume` on `identities.mcpgateway.dev` in the token's
 * namespace, under the names `user:<…>`, `group:<…>` and `role:<…>`; no such resource exists, RBAC grants it all the
 * same. Withdrawing (revoked, expiresAt, lifetime, rotation, annotations) needs no such right.
 */
import type { JsonObject } from '../webhook/json.ts';
import { policyWithBinding, text } from './policy.ts';
import type { NamedExpression, ResourceRule, Validation } from './policy.ts';

/**
 * An expression may ask the authorizer twice and a policy 28 times (350 000 of 1 000 000 and 10 000 000 cost units), so
 * each place of a list has a validation of its own. Whoever writes longer lists needs the verb without resourceNames.
 */
export const JUDGED_SINGLY = 24;

const RULES: readonly ResourceRule[] = [
  { operations: ['CREATE', 'UPDATE'], apiGroups: ['mcpgateway.dev'], apiVersions: ['*'], resources: ['gatewaytokens'] },
];

/** Everything that widens what a token is or may do; a field that was absent is compared as absent. */
const GRANTS: NamedExpression = {
  name: 'grants',
  expression: ['identity', 'permissions', 'binding', 'type', 'source', 'secretRef']
    .map((field) => `object.spec.?${field} != oldObject.spec.?${field}`)
    .reduce((all, one) => `${all} || ${one}`, "request.operation == 'CREATE'"),
};

const IDENTITIES = "authorizer.group('mcpgateway.dev').resource('identities').namespace(request.namespace)";

/** Holds only for a grant that is not restricted to names. */
const UNRESTRICTED: NamedExpression = { name: 'unrestricted', expression: `${IDENTITIES}.check('assume').allowed()` };

const mayAssume = (name: string): string => `${IDENTITIES}.name(${name}).check('assume').allowed()`;

export function tokenAuthorsPolicies(): readonly JsonObject[] {
  return [
    ...policyWithBinding({
      name: 'mcpgateway-token-authors-user',
      resourceRules: RULES,
      matchConditions: [GRANTS],
      validations: [
        {
          expression: mayAssume("'user:' + object.spec.identity.user"),
          messageExpression: refusal('identity.user', "'user:' + object.spec.identity.user"),
        },
      ],
    }),
    ...listPolicy('groups', 'group'),
    ...listPolicy('roles', 'role'),
  ];
}

function listPolicy(field: 'groups' | 'roles', prefix: 'group' | 'role'): readonly JsonObject[] {
  return policyWithBinding({
    name: `mcpgateway-token-authors-${field}`,
    resourceRules: RULES,
    matchConditions: [GRANTS, { name: `has-${field}`, expression: `has(object.spec.identity.${field}) && object.spec.identity.${field}.size() > 0` }],
    variables: [{ name: 'names', expression: `object.spec.identity.${field}` }, UNRESTRICTED],
    validations: [
      {
        expression: `variables.names.size() <= ${JUDGED_SINGLY} || variables.unrestricted`,
        message: `spec.identity.${field}: more than ${JUDGED_SINGLY} need the verb assume on identities.mcpgateway.dev without resourceNames: shorten the list or ask for that right`,
      },
      ...Array.from({ length: JUDGED_SINGLY }, (_, index): Validation => {
        const name = `'${prefix}:' + variables.names[${index}]`;
        return {
          expression: `variables.names.size() <= ${index} || variables.names.size() > ${JUDGED_SINGLY} || ${mayAssume(name)}`,
          messageExpression: refusal(`identity.${field}[${index}]`, name),
        };
      }),
    ],
  });
}

const refusal = (field: string, name: string): string =>
  `${text(`spec.${field}: the author needs the verb assume on identities.mcpgateway.dev named `)} + ${name} + ${text(': ask for that right or name somebody else')}`;
