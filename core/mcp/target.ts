/** What may name a tool, a prompt, a resource or a task: the same bounds for reading a message and for judging one. */

const MAX_NAME_LENGTH = 1024;
const MAX_URI_LENGTH = 8192;
/** Of all URIs that one message names: each is compared with every pattern, while everybody else waits. */
const MAX_URIS_LENGTH = 131_072;

/** Lone surrogates are refused: parsers that replace them would act on another name than the one judged. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH && value.isWellFormed();
}

export function isUri(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_URI_LENGTH && value.isWellFormed();
}

export function areFewUris(uris: readonly string[]): boolean {
  return uris.reduce((length, uri) => length + uri.length, 0) <= MAX_URIS_LENGTH;
}
