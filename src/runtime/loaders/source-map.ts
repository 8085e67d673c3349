import { parseForeignJson } from '#core/text';
import { readRegular, type SourcePlace, sourceLines } from '#files';

/** The bounds of a source map. A map of one megabyte belongs to a bundle of some hundred thousand lines. */
const BOUNDS = { maxLength: 8 * 2 ** 20, maxDepth: 4, maxItems: 20_000 };
/** A position in the bundle, as the JavaScript engine writes it inside a component that `viv build` made. */
const PLACE = /componentize-qjs:user\.js:(\d{1,7}):(\d{1,7})/g;

/**
 * Reads the source map beside a component, and returns a function that replaces positions in the bundle, within a text, by positions
 * in the author's files. Returns undefined if there is no source map. The map is parsed at its first use; a damaged map changes no text.
 */
export async function sourceMapBeside(component: string): Promise<((text: string) => string) | undefined> {
  const text = await readRegular(`${component}.map`, BOUNDS.maxLength, { links: 'follow' }).catch(() => undefined);
  if (text === undefined) return undefined;
  let placeOf: ((line: number, column: number) => SourcePlace | undefined) | undefined;
  return (message) => {
    if (!message.includes('componentize-qjs:user.js:')) return message;
    placeOf ??= placesOf(text);
    const find = placeOf;
    return message.replace(PLACE, (whole, line: string, column: string) => {
      const place = find(Number(line), Number(column));
      return place === undefined ? whole : `${place.file}:${place.line}:${place.column}`;
    });
  };
}

function placesOf(text: Uint8Array): (line: number, column: number) => SourcePlace | undefined {
  try {
    return sourceLines(parseForeignJson(text, BOUNDS));
  } catch {
    return () => undefined;
  }
}
