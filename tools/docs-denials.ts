/** docs/reference/denials.md: every denial code as the gateway really answers it, with what it means. */
import { Denial, DENIAL_CODES } from '../core/denial.ts';
import type { DenialCode } from '../core/denial.ts';
import { own, ownString } from '../manifest/record.ts';
import { errorResponse } from '../sidecar/respond/error-response.ts';
import { code, renderTable } from './docs-schema.ts';

const MEANINGS = {
  ERR_REQUEST_MALFORMED: 'The request is not well-formed HTTP/1.1, JSON, JSON-RPC or MCP. The message says what is wrong.',
  ERR_HEADER_MISMATCH: 'A header that repeats the body (`Mcp-Method`, `Mcp-Name`, `MCP-Protocol-Version`) is missing, comes twice or says something else.',
  ERR_PROTOCOL_VERSION_UNSUPPORTED: 'The protocol revision is not one that the gateway speaks. The answer lists those it does.',
  ERR_CREDENTIAL_AMBIGUOUS: 'More than one credential was sent. Send one.',
  ERR_CREDENTIAL_MISSING: 'No credential was sent.',
  ERR_CREDENTIAL_INVALID: 'The credential is not one of this server: unknown, mistyped, cut short, or sent in the wrong header.',
  ERR_CREDENTIAL_EXPIRED: 'The credential was good and its time is over.',
  ERR_CREDENTIAL_REVOKED: 'The credential was good and its owner ended it.',
  ERR_IDENTITY_CHANGED: 'What the server was told about the caller no longer holds; the stream ends and can be opened anew.',
  ERR_SERVER_NOT_GRANTED: 'The credential is good and may do nothing on this server.',
  ERR_PERMISSION_DENIED: 'The credential may use this server, but not what the request names. It may also not exist: both get the same answer.',
  ERR_METHOD_UNKNOWN: 'The gateway does not know the method in this protocol era, so it lets nobody use it.',
  ERR_SESSION_HOLDER_UNREACHABLE:
    'The session lives in another pod whose sidecar is gone, does not accept connections or is not who it should be. Clients see `ERR_SESSION_UNKNOWN`, and start a new session.',
  ERR_SESSION_UNKNOWN: 'The session id is not one the gateway gave to this principal. Start a new session.',
  ERR_HOST_FORBIDDEN: 'The `Host` header names no host that is served here.',
  ERR_ORIGIN_FORBIDDEN: 'The `Origin` header names a web page that is not allowed.',
  ERR_PATH_UNKNOWN: 'No server is served at this path.',
  ERR_HTTP_METHOD_NOT_ALLOWED: 'MCP uses GET, POST and DELETE; browsers also OPTIONS.',
  ERR_BODY_TOO_LARGE: 'The body is longer than `listener.maxBodyBytes`.',
  ERR_MEDIA_TYPE_UNSUPPORTED: 'The body must be plain `application/json` in UTF-8.',
  ERR_SNAPSHOT_UNAVAILABLE: 'The gateway has no policy yet, so it lets nobody through.',
  ERR_SERVER_NOT_ACCEPTED: 'The `MCPServer` has a problem that the log of the gateway names.',
  ERR_UPSTREAM_CREDENTIAL_MISSING: "A Secret with the server's own key is missing or unusable. The log names it.",
  ERR_UPSTREAM_UNREACHABLE: 'Nothing answers at the port of the server.',
  ERR_UPSTREAM_RESPONSE_INVALID: 'The server answered something that is not MCP, or that the gateway could not judge.',
  ERR_UPSTREAM_CREDENTIAL_REFUSED: "The server does not accept its own key: look at the Secret. The client's credential is good.",
  ERR_UPSTREAM_TIMEOUT: 'The server did not accept a connection in time.',
  ERR_SHUTTING_DOWN: 'The gateway is stopping. Try again.',
  ERR_INTERNAL: 'A fault of the gateway itself. The log has the details under the request id.',
} as const satisfies Record<DenialCode, string>;

export const DENIALS_PAGE = `# Denial codes

Each refusal has one code. The code is in the answer (\`error.data.code\`), in the audit record (\`reason\`) and in metrics (\`code\`). Codes are
stable: an alert written against one keeps working.

\`Status\` is that of the HTTP answer. *Call* is the status where the refused message is a JSON-RPC request whose id could be read, if it
differs. Sometimes MCP prescribes another JSON-RPC code for the same fault; then that one is sent.

${renderTable(['Code', 'Status', 'JSON-RPC', 'Meaning', 'Headers'], DENIAL_CODES.map(rowOf))}

The three codes for a credential that is not valid look the same from outside: the answer says \`ERR_CREDENTIAL_INVALID\` for each, so that nobody
can find out which tokens once existed. Audit and metrics have the exact one.
`;

function rowOf(denialCode: DenialCode): readonly string[] {
  const alone = errorResponse(new Denial(denialCode, ''), { requestId: '' });
  const body: unknown = JSON.parse(alone.body);
  const error = own(body, 'error');
  const shown = ownString(own(error, 'data'), 'code') ?? denialCode;
  const headers = alone.headers.flatMap((name, index) => (index % 2 === 0 && isNotable(name) ? [code(`${name}: ${alone.headers[index + 1] ?? ''}`)] : []));
  const meaning = shown === denialCode ? MEANINGS[denialCode] : `${MEANINGS[denialCode]} Shown to the client as ${code(shown)}.`;
  return [code(denialCode), statusOf(denialCode, alone.status), String(own(error, 'code')), meaning, headers.join(', ')];
}

function isNotable(name: string): boolean {
  return name !== 'Content-Type' && name !== 'Cache-Control';
}

/** Where one call is refused, its status may differ, and may differ by era. */
function statusOf(denialCode: DenialCode, alone: number): string {
  const denial = new Denial(denialCode, '', { rpcId: 1 });
  const [legacy, modern] = (['legacy', 'modern'] as const).map((era) => errorResponse(denial, { requestId: '', era }).status);
  if (legacy === modern) return legacy === alone ? String(alone) : `${alone}; call ${String(legacy)}`;
  return `${alone}; call ${String(legacy)} until 2025-11-25, ${String(modern)} since 2026-07-28`;
}
