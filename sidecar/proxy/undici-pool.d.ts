/** The package's own entry also loads its fetch, cache, WebSocket and mock parts: 28 MB where the pool needs a third. */
declare module 'undici/lib/dispatcher/pool.js' {
  import type { Pool } from 'undici';
  const implementation: typeof Pool;
  export default implementation;
}
