/**
 * The readings of one resource URI. Servers look a URI up after a URL parser resolved `..`, dropped tabs and lowered
 * the scheme (the official SDKs do), or after decoding `%2e`: a rule that only sees the text as sent is walked around.
 */

/** Encoded by URL parsers, so that an unknown part of a URI template survives them. */
const PLACEHOLDER = '\ue000';
const ENCODED_PLACEHOLDER = /%EE%80%80/g;

const ENCODED_ASCII = /%[0-7][0-9A-Fa-f]/g;

/** The text itself first, then what a URL parser makes of it, and of it with percent-encoded ASCII decoded. */
export function uriForms(uri: string): readonly string[] {
  const normalized = normalize(uri);
  const forms = normalized === uri ? [uri] : [uri, normalized];
  if (!uri.includes('%')) return forms;
  const decoded = normalize(uri.replace(ENCODED_ASCII, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16))));
  return forms.includes(decoded) ? forms : [...forms, decoded];
}

/**
 * The readings of a URI template with every expression replaced by `unknown`. `undefined` for what is not a template:
 * unbalanced braces.
 */
export function templateForms(uriTemplate: string, unknown: string): readonly string[] | undefined {
  const text = uriTemplate.replace(/\{[^{}]*\}/g, PLACEHOLDER);
  if (uriTemplate.includes(PLACEHOLDER) || text.includes('{') || text.includes('}')) return undefined;
  const forms = uriForms(text).map((form) => form.replace(ENCODED_PLACEHOLDER, PLACEHOLDER).replaceAll(PLACEHOLDER, unknown));
  return [...new Set(forms)];
}

function normalize(uri: string): string {
  return URL.parse(uri)?.href ?? uri;
}
