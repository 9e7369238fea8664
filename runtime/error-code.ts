/** The `code` of a system error (`ENOENT`, `EADDRINUSE`), or `undefined` for any other value. */
export function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
