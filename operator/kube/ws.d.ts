/** What the client library's declarations name of WebSockets, which nothing here opens; `ws` comes without any. */
declare module 'ws' {
  export interface WebSocket {
    readonly readyState: number;
  }
  export interface ClientOptions {
    readonly headers?: Readonly<Record<string, string>>;
  }
}
