/** What a server asks for in `WWW-Authenticate` (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In small letters. */
  readonly scheme: string;
  /** By names in small letters. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer headers are cut: a header from a registry is not trusted, and no honest one is as long. */
const MAX_HEADER = 16 * 2 ** 10;

/**
 * All challenges of a header, or of several that were joined by commas, in their order. Commas part challenges as well as the
 * parameters of one, so what follows a comma is a parameter if it is `name=value`, and otherwise begins the next challenge.
 * What is neither is skipped up to the next comma. Each character is looked at a bounded number of times.
 */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const text = new Scanner((header ?? '').slice(0, MAX_HEADER));
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (text.skip(SEPARATORS); !text.ended; text.skip(SEPARATORS)) {
    const name = text.take(TOKEN);
    const afterName = text.at;
    text.skip(SPACES);
    const current = challenges.at(-1);
    if (name !== '' && current !== undefined && text.takeOne('=')) {
      text.skip(SPACES);
      // The first of two equal parameters counts, as a proxy in between may have added the other.
      const value = text.value();
      if (value !== undefined && !current.parameters.has(name.toLowerCase())) {
        current.parameters.set(name.toLowerCase(), value);
      }
      text.skipTo(',', value === undefined);
      continue;
    }
    // A scheme is followed by a space, a comma or the end.
    if (name === '' || !(text.ended || text.at > afterName || text.sees(','))) {
      text.skipTo(',', true);
      continue;
    }
    challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    text.token68();
  }
  return challenges;
}

const SEPARATORS = /[ \t,]/;
const SPACES = /[ \t]/;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;
const TOKEN68 = /[A-Za-z0-9\-._~+/]/;

/** Reads a text from left to right; the classes are of one character each. */
class Scanner {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    return this.at >= this.#text.length;
  }

  sees(character: string): boolean {
    return this.#text[this.at] === character;
  }

  skip(kind: RegExp): void {
    while (!this.ended && kind.test(this.#text[this.at] as string)) this.at++;
  }

  take(kind: RegExp): string {
    const start = this.at;
    this.skip(kind);
    return this.#text.slice(start, this.at);
  }

  takeOne(character: string): boolean {
    if (!this.sees(character)) return false;
    this.at++;
    return true;
  }

  skipTo(character: string, always: boolean): void {
    while (always && !this.ended && !this.sees(character)) this.at++;
  }

  /** A token or a quoted string; `undefined` for anything else, or a string without an end. */
  value(): string | undefined {
    if (!this.takeOne('"')) {
      const token = this.take(PLAIN);
      return token === '' ? undefined : token;
    }
    let value = '';
    for (; !this.ended; this.at++) {
      if (this.takeOne('"')) return value;
      if (this.sees('\\') && this.at + 1 < this.#text.length) this.at++;
      value += this.#text[this.at];
    }
    return undefined;
  }

  /** Passes over a credential such as `Negotiate abc==`, unless it turns out to be a parameter. */
  token68(): void {
    const start = this.at;
    this.skip(SPACES);
    this.skip(TOKEN68);
    while (this.takeOne('='));
    this.skip(SPACES);
    if (!this.ended && !this.sees(',')) this.at = start;
  }
}

/** Values without quotes are tokens; realms that are URLs are often sent without the quotes that they need. */
const PLAIN = /[^\s,"]/;
