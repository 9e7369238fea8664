/**
 * The identity of a principal as headers for the upstream.
 *
 * Encoding: UTF-8, percent-encoded wherever a byte is not printable ASCII, is `%`, or is a space at either end. An
 * element of a list (`Groups`, `Roles`: joined with `,`) also encodes `,`; names and values of `Attributes` (joined
 * as `name=value;name=value`) also encode `,`, `;` and `=`. Percent-decoding each part gives back the exact text.
 */
import type { Principal } from '../../core/principal.ts';

/** Beyond this, servers with common limits answer 431 to every call, which nobody could explain. */
const MAX_IDENTITY_BYTES = 8 * 1024;

/**
 * Flat name, value list, the same for every request of one credential. Names are lower-case: undici would make them so
 * again for every call. A header whose claim is absent or empty is
 * absent. `undefined`: the identity is larger than 8 KiB and must be denied, never cut short.
 */
export function prepareIdentityHeaders(
  principal: Principal,
  forwardedAttributes: readonly string[],
): readonly string[] | undefined {
  const { identity, credential } = principal;
  const claims: readonly (readonly [name: string, value: string | undefined])[] = [
    ['x-forwarded-user', encodeValue(principal.subject)],
    ['x-forwarded-email', encodeOptional(identity.email)],
    ['x-forwarded-preferred-username', encodeValue(identity.user)],
    ['x-forwarded-groups', encodeList(identity.groups)],
    ['x-mcp-gateway-issuer', encodeValue(principal.issuer)],
    ['x-mcp-gateway-name', encodeOptional(identity.displayName)],
    ['x-mcp-gateway-team', encodeOptional(identity.team)],
    ['x-mcp-gateway-organization', encodeOptional(identity.organization)],
    ['x-mcp-gateway-roles', encodeList(identity.roles)],
    ['x-mcp-gateway-attributes', encodeAttributes(identity.attributes, forwardedAttributes)],
    ['x-mcp-gateway-auth-method', principal.method],
    ['x-mcp-gateway-credential-id', encodeValue(credential.generation)],
  ];
  const flat: string[] = [];
  let bytes = 0;
  for (const [name, value] of claims) {
    if (value === undefined || value === '') continue;
    flat.push(name, value);
    bytes += name.length + value.length + 4;
  }
  return bytes > MAX_IDENTITY_BYTES ? undefined : Object.freeze(flat);
}

function encodeOptional(text: string | undefined): string | undefined {
  return text === undefined ? undefined : encodeValue(text);
}

/** CR, LF and NUL would end the header; a reader's trim would change what has spaces at its ends. */
function encodeValue(text: string): string {
  return text.replace(/^ +| +$|[^ !-$&-~]+/g, percentEncode);
}

/** A group named `a,admin` must not become two (A11). An empty element is nobody's group. */
function encodeList(elements: readonly string[]): string {
  return elements.filter((element) => element !== '').map(encodeElement).join(',');
}

function encodeElement(text: string): string {
  return encodeValue(text).replaceAll(',', '%2C');
}

function encodeAttributes(attributes: Readonly<Record<string, string>>, forwarded: readonly string[]): string {
  const pairs: string[] = [];
  for (const name of forwarded) {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (value !== undefined) pairs.push(`${encodePair(name)}=${encodePair(value)}`);
  }
  return pairs.join(';');
}

function encodePair(text: string): string {
  return encodeValue(text).replace(/[,;=]/g, percentEncode);
}

function percentEncode(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}
