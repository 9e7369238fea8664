/** Real MCP clients behind one interface: SDK 1.x, and SDK 2.x in each of its two protocol eras. */
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

export const CLIENT_KINDS = ['SDK 1.x', 'SDK 2.x legacy', 'SDK 2.x modern'] as const;
export type ClientKind = (typeof CLIENT_KINDS)[number];

/** `{ authorization: 'Bearer …' }` or `{ 'x-api-key': '…' }`, and whatever else a test sends. */
export type ClientHeaders = Readonly<Record<string, string>>;

export interface ToolResult {
  readonly isError: boolean;
  /** The text contents, joined by newlines. */
  readonly text: string;
}

export interface ConnectedClient {
  readonly kind: ClientKind;
  readonly era: 'legacy' | 'modern';
  readonly client: LegacyClient | ModernClient;
  readonly transport: LegacyTransport | ModernTransport;
  /** Names, from every page. */
  listTools(): Promise<readonly string[]>;
  callTool(name: string, args?: Readonly<Record<string, unknown>>): Promise<ToolResult>;
  /** Ends the session where there is one, then closes the connection. */
  close(): Promise<void>;
}

/** Rejects as the client does when it is refused. */
export async function connectClient(kind: ClientKind, url: string, headers: ClientHeaders): Promise<ConnectedClient> {
  return kind === 'SDK 1.x' ? connectSdk1(url, headers) : connectSdk2(kind, url, headers);
}

const IDENTITY = { name: 'mcpgateway-test', version: '1.0.0' };

async function connectSdk1(url: string, headers: ClientHeaders): Promise<ConnectedClient> {
  const client = new LegacyClient(IDENTITY);
  const transport = new LegacyTransport(new URL(url), { requestInit: { headers: { ...headers } } });
  await client.connect(transport);
  return {
    kind: 'SDK 1.x',
    era: 'legacy',
    client,
    transport,
    listTools: () => everyPage((cursor) => client.listTools(cursor)),
    callTool: async (name, args = {}) => toolResult(await client.callTool({ name, arguments: args })),
    close: async () => {
      await transport.terminateSession();
      await client.close();
    },
  };
}

async function connectSdk2(kind: ClientKind, url: string, headers: ClientHeaders): Promise<ConnectedClient> {
  const modern = kind === 'SDK 2.x modern';
  const mode = modern ? { pin: '2026-07-28' } : 'legacy';
  const client = new ModernClient(IDENTITY, { versionNegotiation: { mode } });
  const transport = new ModernTransport(new URL(url), { requestInit: { headers: { ...headers } } });
  await client.connect(transport);
  return {
    kind,
    era: modern ? 'modern' : 'legacy',
    client,
    transport,
    // Whoever asks again wants what holds now, not what this client remembers.
    listTools: () => everyPage((cursor) => client.listTools(cursor, { cacheMode: 'bypass' })),
    callTool: async (name, args = {}) => toolResult(await client.callTool({ name, arguments: args })),
    close: async () => {
      if (!modern) await transport.terminateSession();
      await client.close();
    },
  };
}

interface Page {
  readonly tools: readonly { readonly name: string }[];
  readonly nextCursor?: string | undefined;
}

async function everyPage(list: (cursor?: { cursor: string }) => Promise<Page>): Promise<readonly string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(cursor === undefined ? undefined : { cursor });
    names.push(...page.tools.map((tool) => tool.name));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return names;
}

function toolResult(result: object): ToolResult {
  const contents: readonly unknown[] = 'content' in result && Array.isArray(result.content) ? result.content : [];
  const texts = contents.flatMap((content) => (isText(content) ? [content.text] : []));
  return { isError: 'isError' in result && result.isError === true, text: texts.join('\n') };
}

function isText(content: unknown): content is { readonly text: string } {
  return typeof content === 'object' && content !== null && 'text' in content && typeof content.text === 'string';
}
