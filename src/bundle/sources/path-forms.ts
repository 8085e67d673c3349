import type { LockfileMeta, ProcessorVersion } from '../lockfile/model.ts';

/**
 * How a row of the database stored its path: not at all (the id is the path), relative as in the lockfile, or absolute
 * below one of the prefixes (by number).
 */
export type PathForm = 'none' | 'relative' | number;

const PREFIX = 'vivarium-path-prefix';
const FORMS = 'vivarium-path-forms';
/** Shorter than the limit of a version in a lockfile. */
const MAX_LENGTH = 1_000;

/**
 * Records how the rows of all sources, in order, stored their paths, so that restored rows are the same. The record is
 * among the lockfile's input processors: `vivarium-path-prefix` with `/home/somebody/project` for each prefix, and
 * `vivarium-path-forms` with `12n3a1r`: twelve rows without a path, three absolute below the first prefix (`b` would be
 * below the second), one relative. A lockfile whose rows all have relative paths has no record.
 */
export class PathForms {
  readonly #prefixes: readonly string[];
  readonly #runs: { letter: string; count: number }[] = [];

  constructor(prefixes: readonly string[]) {
    this.#prefixes = prefixes;
  }

  note(form: PathForm): void {
    const letter = form === 'none' ? 'n' : form === 'relative' ? 'r' : String.fromCharCode(97 + form);
    const last = this.#runs.at(-1);
    if (last?.letter === letter) last.count++;
    else this.#runs.push({ letter, count: 1 });
  }

  processors(): readonly ProcessorVersion[] {
    if (this.#runs.every(({ letter }) => letter === 'r')) return [];
    const used = this.#runs.some(({ letter }) => letter !== 'r' && letter !== 'n');
    const texts = [''];
    for (const { letter, count } of this.#runs) {
      if ((texts.at(-1) as string).length > MAX_LENGTH) texts.push('');
      texts.push(`${texts.pop()}${count}${letter}`);
    }
    return [
      ...(used ? this.#prefixes.map((version) => ({ kind: PREFIX, version })) : []),
      ...texts.map((version) => ({ kind: FORMS, version })),
    ];
  }
}

/**
 * Returns the paths of a restored database's rows, source by source in the order of the lockfile. They only become
 * values of a column, so a hostile lockfile cannot reach the file system with them.
 */
export function* restoredPaths({
  inputProcessors,
}: Pick<LockfileMeta, 'inputProcessors'>): Generator<string | null, undefined, string> {
  const versions = (wanted: string) =>
    inputProcessors.filter(({ kind }) => kind === wanted).map((each) => each.version);
  const prefixes = versions(PREFIX);
  let path = yield null;
  for (const { letter, count } of runsOf(versions(FORMS).join(''))) {
    for (let left = count; left > 0; left--) {
      const prefix = prefixes[letter.charCodeAt(0) - 97];
      if (letter === 'n') path = yield null;
      else path = yield letter === 'r' || prefix === undefined ? path : `${prefix}/${path}`;
    }
  }
  for (;;) path = yield path;
}

/** Parses a text of runs. Invalid or excessive numbers count as nothing, so every text ends. */
function* runsOf(text: string): Generator<{ readonly letter: string; readonly count: number }> {
  let count = 0;
  for (const character of text) {
    const digit = character.charCodeAt(0) - 48;
    if (digit >= 0 && digit <= 9) count = Math.min(count * 10 + digit, Number.MAX_SAFE_INTEGER);
    else {
      yield { letter: character, count };
      count = 0;
    }
  }
}
