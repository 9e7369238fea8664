/**
 * The readings of one resource URI. Servers look a URI up after a URL parser resolved `..`, dropped tabs and lowered
 * the scheme (the official SDKs do), after decoding `%2e`, or as the path of a file: a rule that only sees the text as
 * sent is walked around.
 */

/** Encoded by URL parsers, so that an unknown part of a URI template survives them. */
const PLACEHOLDER = '\ue000';
const ENCODED_PLACEHOLDER = /%EE%80%80/g;

const ENCODED = /(?:%[0-9A-Fa-f]{2})+/g;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:(?:\/\/)?/;
/** Also as a server reads it that decodes twice. */
const PARENT = /^(?:\.|%2e){2}$/i;
const QUERY_OR_FRAGMENT = /[?#].*$/s;
/** What may make the path of a file another text than the URI. */
const UNUSUAL = /[?#\\%]|\/[/.]|^\.|\/$/;

/**
 * The text itself first, then what a URL parser makes of it, of it decoded, and where it climbs with `..`, where a file
 * system would end up: that knows no query, and takes several slashes for one.
 */
export function uriForms(uri: string): readonly string[] {
  const decoded = uri.includes('%') ? uri.replace(ENCODED, decode) : uri;
  const forms = new Set([uri, normalize(uri)]);
  if (decoded !== uri) forms.add(normalize(decoded));
  if (UNUSUAL.test(pathOf(decoded)) && segmentsOf(decoded).some(isParent)) forms.add(asPath(decoded));
  return [...forms];
}

/**
 * Readings that only rules of denial look at: the forms as the file that a server would open, which ignores query,
 * fragment and superfluous slashes. A permission does not look at them: `?` may be what tells two resources apart.
 */
export function pathForms(forms: readonly string[]): readonly string[] {
  const unusual = forms.filter((form) => UNUSUAL.test(pathOf(form)));
  const paths = unusual.flatMap((form) => [asPath(form), asPath(form.replace(QUERY_OR_FRAGMENT, ''))]);
  return [...new Set(paths)].filter((path) => !forms.includes(path));
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

/** Of more, all or none are taken for empty. */
const MOST_UNKNOWNS = 4;

/** The texts that result where some or all of the unknown parts are empty: slashes that meet then are one for a file system. */
export function emptiedForms(forms: readonly string[], unknown: string): readonly string[] {
  return [...new Set(forms.flatMap((form) => emptied(form.split(unknown), unknown)))];
}

function emptied([first = '', ...others]: readonly string[], unknown: string): readonly string[] {
  if (others.length === 0) return [];
  if (others.length > MOST_UNKNOWNS) return [[first, ...others].join('')];
  const all = others.reduce<readonly string[]>((texts, part) => texts.flatMap((text) => [`${text}${part}`, `${text}${unknown}${part}`]), [first]);
  // The last one has every part left unknown.
  return all.slice(0, -1);
}

function normalize(uri: string): string {
  return URL.parse(uri)?.href ?? uri;
}

/** Bytes that are no UTF-8 stay encoded, in one spelling. */
function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded.replace(/%../g, (code) => (code < '%8' ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : code.toUpperCase()));
  }
}

function schemeOf(uri: string): string {
  return SCHEME.exec(uri)?.[0] ?? '';
}

function pathOf(uri: string): string {
  return uri.slice(schemeOf(uri).length);
}

function segmentsOf(uri: string): readonly string[] {
  return pathOf(uri).split(/[/\\]/);
}

function isParent(segment: string): boolean {
  return PARENT.test(segment);
}

function asPath(uri: string): string {
  const segments = segmentsOf(uri);
  const path: string[] = [];
  for (const segment of segments) {
    if (isParent(segment)) path.pop();
    else if (segment !== '' && segment !== '.') path.push(segment);
  }
  return `${schemeOf(uri)}${segments.length > 1 && segments[0] === '' ? '/' : ''}${path.join('/')}`;
}
