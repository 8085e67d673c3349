import { parseForeignJson } from '#core/text';
import { readRegular, type SourcePlace, sourceLines } from '#files';

/** A map of a megabyte belongs to a bundle of some hundred thousand lines. */
const BOUNDS = { maxLength: 8 * 2 ** 20, maxDepth: 4, maxItems: 20_000 };
/** What a bundle is called by the engine inside of a component that `viv build` made. */
const PLACE = /componentize-qjs:user\.js:(\d{1,7}):(\d{1,7})/g;

/**
 * What the file beside a component says of its bundle: a function that puts the author's places into a text. Undefined
 * where there is no such file. It is parsed when it is needed first; one that is damaged changes nothing.
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
