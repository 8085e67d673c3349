import { relative, resolve } from 'node:path';
import { parseForeignJson } from '#core/text';
import { sourceLines } from '#files';

/** Bounds for the source map that esbuild makes for a bundle. */
const MAP_BOUNDS = { maxLength: 64 * 2 ** 20 };
const PREFIX = /^.{0,200}module evaluation: (?:Error: )?/s;
const FRAME = /^ {4}at .{0,500}\(componentize-qjs:user\.js:(\d{1,9}):(\d{1,9})\)$/gm;
const STACK = '\n    at ';
const LIBRARY = 'vivarium/guest/';

/**
 * Words what a source threw at its top level, which runs while the component is made, with the author's file and line.
 * @param message what the engine says of it
 * @param output the file to which the names in the source map are relative
 * @returns undefined if the message tells of something else
 */
export function thrownAtBuild(message: string, sourceMap: string, output: string): string | undefined {
  const [prefix] = PREFIX.exec(message) ?? [];
  if (prefix === undefined) return undefined;
  const [text = ''] = message.slice(prefix.length).split(STACK, 1);
  const placeOf = sourceLines(parseForeignJson(sourceMap, MAP_BOUNDS));
  for (const [, line, column] of message.matchAll(FRAME)) {
    const place = placeOf(Number(line), Number(column));
    if (place === undefined || place.file.startsWith(LIBRARY)) continue;
    return `${relative(process.cwd(), resolve(output, '..', place.file))}:${place.line}: ${text.trim()}`;
  }
  return text.trim();
}
