/** A challenge of a server in `WWW-Authenticate` (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** The scheme in lower case. */
  readonly scheme: string;
  /** The parameters by their names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer headers are cut, because the registry is not trusted and no honest header is as long. */
const MAX_HEADER = 16 * 2 ** 10;

/**
 * Parses all challenges of a header, or of several headers joined by commas, in order. Commas separate both challenges
 * and the parameters of one, so after a comma `name=value` is a parameter and anything else begins the next challenge.
 * Invalid text is skipped up to the next comma. Each character is read a bounded number of times.
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
      // Of two equal parameters the first one counts, because a proxy may have added the second.
      const value = text.value();
      if (value !== undefined && !current.parameters.has(name.toLowerCase())) {
        current.parameters.set(name.toLowerCase(), value);
      }
      text.skipTo(',', value === undefined);
      continue;
    }
    // A space, a comma or the end follows a scheme.
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

/** Reads a text from left to right. Each class describes one character. */
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

  /** Reads a token or a quoted string; `undefined` for anything else, or a string without an end. */
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

  /** Skips a credential such as `Negotiate abc==`, unless it turns out to be a parameter. */
  token68(): void {
    const start = this.at;
    this.skip(SPACES);
    this.skip(TOKEN68);
    while (this.takeOne('='));
    this.skip(SPACES);
    if (!this.ended && !this.sees(',')) this.at = start;
  }
}

/** Values without quotes are tokens. Servers often send URLs as realms without the required quotes. */
const PLAIN = /[^\s,"]/;
