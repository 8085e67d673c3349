/** The widest line, in characters. */
const BREAK_LENGTH = 80;
/** The number of inner levels that may share a line with what holds them. */
const COMPACT = 3;
const MAX_COLUMNS = 15;
/** A comma and a space. */
const SEPARATOR = 2;

export interface Parts {
  readonly parts: readonly string[];
  /** What stands before the bracket, such as the text of a date that has fields; may be empty. */
  readonly base: string;
  readonly open: string;
  readonly close: string;
  readonly indentation: number;
  /** The number of levels inside, as far as the last part says. */
  readonly levels: number;
  /** The items, if they may be set in columns: those of an array. */
  readonly items?: ArrayLike<unknown> | undefined;
  /** Whether the last part says how many items are not shown. */
  readonly isCut?: boolean;
}

/** Puts parts on one line, in columns or one below the other, by the rules of `reduceToSingleString` in Node's `lib/internal/util/inspect.js`. */
export function laidOut(given: Parts): string {
  const { base, open, close, indentation, levels, items } = given;
  const parts = items !== undefined && given.parts.length > 6 ? inColumns(given, items) : given.parts;
  const head = base === '' ? open : `${base} ${open}`;
  if (levels < COMPACT && parts === given.parts) {
    const start = parts.length + indentation + open.length + base.length + 10;
    const length = parts.reduce((sum, part) => sum + part.length, parts.length + start);
    const line = parts.join(', ');
    if (length <= BREAK_LENGTH && !base.includes('\n') && !line.includes('\n')) return `${head} ${line} ${close}`;
  }
  const newLine = `\n${' '.repeat(indentation)}`;
  return `${head}${newLine}  ${parts.join(`,${newLine}  `)}${newLine}${close}`;
}

/** Sets the items of a long array in columns, as Node's `groupArrayElements` does; gives `parts` back where they do not fit. */
function inColumns({ parts, indentation, isCut }: Parts, items: ArrayLike<unknown>): readonly string[] {
  const shown = isCut === true ? parts.length - 1 : parts.length;
  const lengths = parts.slice(0, shown).map((part) => part.length);
  const total = lengths.reduce((sum, length) => sum + length + SEPARATOR, 0);
  const longest = Math.max(...lengths);
  const widest = longest + SEPARATOR;
  if (widest * 3 + indentation >= BREAK_LENGTH || !(total / widest > 5 || longest <= 6)) return parts;
  const biased = Math.max(widest - 3 - Math.sqrt(widest - total / parts.length), 1);
  const columns = Math.min(
    Math.round(Math.sqrt(2.5 * biased * shown) / biased),
    Math.floor((BREAK_LENGTH - indentation) / widest),
    COMPACT * 4,
    MAX_COLUMNS,
  );
  if (columns <= 1) return parts;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...lengths.filter((_, index) => index % columns === column)),
  );
  const areNumbers = parts.every((_, index) => typeof items[index] === 'number' || typeof items[index] === 'bigint');
  const lines: string[] = [];
  for (let at = 0; at < shown; at += columns) {
    const row = parts.slice(at, Math.min(at + columns, shown));
    const cells = row.map((part, column) => {
      const width = widths[column] ?? 0;
      const isLast = column === row.length - 1;
      if (areNumbers) return isLast ? part.padStart(width) : `${part}, `.padStart(width + SEPARATOR);
      return isLast ? part : `${part}, `.padEnd(width + SEPARATOR);
    });
    lines.push(cells.join(''));
  }
  if (isCut === true) lines.push(parts[shown] as string);
  return lines;
}
