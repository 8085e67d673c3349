import { SourceMap } from 'node:module';

export interface SourcePlace {
  /** The file's name in the map, relative to the map's place. */
  readonly file: string;
  /** The line, counted from 1. */
  readonly line: number;
  /** The column, counted from 1. */
  readonly column: number;
}

/**
 * Returns a function that finds places of a bundle in the files from which it was made. @throws for a value that is not
 * a source map
 */
export function sourceLines(payload: unknown): (line: number, column: number) => SourcePlace | undefined {
  const map = new SourceMap(payload as ConstructorParameters<typeof SourceMap>[0]);
  return (line, column) => {
    const found = map.findEntry(line - 1, column - 1);
    if (!('originalSource' in found) || typeof found.originalSource !== 'string') return undefined;
    return { file: found.originalSource, line: found.originalLine + 1, column: found.originalColumn + 1 };
  };
}
