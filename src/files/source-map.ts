import { SourceMap } from 'node:module';

export interface SourcePlace {
  /** As the map names it: relative to where the map is. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** Finds the places of a bundle in the files that it was made of. @throws where it is no source map */
export function sourceLines(payload: unknown): (line: number, column: number) => SourcePlace | undefined {
  const map = new SourceMap(payload as ConstructorParameters<typeof SourceMap>[0]);
  return (line, column) => {
    const found = map.findEntry(line - 1, column - 1);
    if (!('originalSource' in found) || typeof found.originalSource !== 'string') return undefined;
    return { file: found.originalSource, line: found.originalLine + 1, column: found.originalColumn + 1 };
  };
}
