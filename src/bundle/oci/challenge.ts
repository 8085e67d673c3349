/** What a registry asks for in `WWW-Authenticate` (RFC 9110, section 11.6.1). */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_HEADER = 8 * 2 ** 10;
const PARAMETER = /^[\s,]*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/;

/** The first challenge that we can answer. A header from a registry is not trusted: it may hold anything. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  let rest = (header ?? '').slice(0, MAX_HEADER);
  for (let scheme = nextScheme(rest); scheme !== undefined; scheme = nextScheme(rest)) {
    rest = rest.slice(scheme.length);
    const parameters = new Map<string, string>();
    for (let match = PARAMETER.exec(rest); match !== null; match = PARAMETER.exec(rest)) {
      const [whole, name = '', quotedValue, plainValue] = match;
      parameters.set(name.toLowerCase(), quotedValue?.replaceAll(/\\(.)/g, '$1') ?? plainValue ?? '');
      rest = rest.slice(whole.length);
    }
    const name = scheme.trim().replace(/^,\s*/, '').toLowerCase();
    if (name === 'bearer' || name === 'basic') return { scheme: name, parameters };
  }
  return undefined;
}

function nextScheme(text: string): string | undefined {
  return /^[\s,]*[A-Za-z][\w-]*(?=\s|$)/.exec(text)?.[0];
}
