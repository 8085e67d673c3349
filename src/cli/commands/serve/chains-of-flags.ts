import { resolve } from 'node:path';
import { leadsBack } from '#server';
import { CliError } from '../../errors.ts';

/** The number of known components that an error lists. */
const MOST_LISTED = 8;

/** The components of a command line. Two spellings of one file, as `shop.wasm` and `./shop.wasm`, are one component with the first as its name. */
export class Sources {
  readonly #names = new Map<string, string>();

  get names(): readonly string[] {
    return [...this.#names.values()];
  }

  find(source: string): string | undefined {
    return this.#names.get(keyOf(source));
  }

  /** Returns the component's name. */
  add(source: string): string {
    const known = this.find(source);
    if (known === undefined) this.#names.set(keyOf(source), source);
    return known ?? source;
  }
}

/**
 * Finds for each middleware the component to which it passes requests on.
 * @param given texts of the form `MIDDLEWARE=COMPONENT`
 * @param sources the components that have a route; those to which requests are passed on are added
 * @throws {CliError} `CLI_USAGE` for a text of another form, a middleware that no request reaches or that is given twice, and a circle
 */
export function chainsOf(given: readonly string[], sources: Sources): ReadonlyMap<string, string> {
  const nextOf = new Map<string, string>();
  const texts = given.map((text) => ({ text, splits: splitsOf(text) }));
  // A middleware may be reached by a text that comes later.
  for (let rest = texts; rest.length > 0; ) {
    const unknown = rest.filter(({ text, splits }) => {
      const split = splits.find(([source]) => sources.find(source) !== undefined);
      if (split === undefined) return true;
      const name = sources.add(split[0]);
      const former = nextOf.get(name);
      if (former !== undefined) {
        throw new CliError('CLI_USAGE', `--next ${text}: ${name} passes requests on to ${former} already`);
      }
      nextOf.set(name, sources.add(split[1]));
      return false;
    });
    if (unknown.length === rest.length) throw unreached(rest[0]?.splits.at(-1)?.[0] ?? '', sources);
    rest = unknown;
  }
  const circle = [...nextOf.keys()].find((name) => leadsBack(name, nextOf));
  if (circle === undefined) return nextOf;
  throw new CliError('CLI_USAGE', `--next: the requests that ${circle} passes on come back to it`);
}

/** All ways to read a text as two sources, with the longest first source first: names of files may contain `=`. */
function splitsOf(text: string): readonly (readonly [string, string])[] {
  const splits: (readonly [string, string])[] = [];
  for (let at = text.lastIndexOf('=', text.length - 2); at > 0; at = text.lastIndexOf('=', at - 1)) {
    splits.push([text.slice(0, at), text.slice(at + 1)]);
  }
  if (splits.length > 0) return splits;
  const message = `--next ${text}: write a middleware and its next component, as auth.wasm=shop.wasm`;
  throw new CliError('CLI_USAGE', message);
}

function unreached(name: string, { names }: Sources): CliError {
  const more = names.length > MOST_LISTED ? ', and others' : '';
  const known = names.slice(0, MOST_LISTED).join(', ') + more;
  return new CliError(
    'CLI_USAGE',
    `--next ${name}=…: no --route and no other --next leads to ${name}; requests reach ${known}`,
  );
}

function keyOf(source: string): string {
  return /^(registry:|https?:)/.test(source) ? source : resolve(source);
}
