/** Places of a guest's bundle in a text become those of its sources. */
export type PlaceMapper = (text: string) => string;

/** What a call ended with, in the guest's own words. Both are the guest's text: printable, and bounded. */
export interface GuestWords {
  readonly why?: string | undefined;
  /** Frames, one a line, in the author's files where their source map is known. */
  readonly stack?: string | undefined;
}

const MAX_LINES = 20;
const MAX_CHARACTERS = 4_000;
/** How each line of a stack begins in QuickJS as in V8. */
const FRAME = '\n    at ';
/** componentize-qjs panics where a function that answers no `result` throws, and says in Rust's notation of what. */
const THROWN =
  /^Failed to call '([^']{1,200})': Exception\(Exception \{ message: Some\("((?:[^"\\]|\\.){0,8000})"\), stack: Some\("((?:[^"\\]|\\.){0,8000})"\) \}\)$/;
const ESCAPE = /\\(?:u\{([0-9a-f]{1,6})\}|(.))/g;
/** Frames of the engine, of the library, and of code that the bundler wrote. */
const NOT_THE_AUTHORS = /\((?:native|vivarium\/guest\/[^()]{1,500}|componentize-qjs:[^()]{1,100})\)$/;
const NOTES = /^(?:note: run with |$)/;

/** The last lines that a guest wrote to standard error in one call: a trap itself says nothing but where. */
export class LastWords {
  #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(line.slice(0, 2 * MAX_CHARACTERS));
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  /** What they say of a trap. */
  of(map: PlaceMapper | undefined): GuestWords {
    for (const line of this.#lines) {
      const [, name, message, stack] = THROWN.exec(line) ?? [];
      if (stack === undefined) continue;
      return { why: `${name} threw: ${cut(unescaped(message ?? ''))}`, stack: framesOf(unescaped(stack), map) };
    }
    const said = this.#lines.filter((line) => !NOTES.test(line)).join('\n');
    return said === '' ? {} : { why: `it wrote: ${cut(map === undefined ? said : map(said))}` };
  }
}

/** Takes the stack off the text of an error case, so that nobody but the host sees it. */
export function withoutStack(payload: unknown, map: PlaceMapper | undefined): { payload: unknown; stack?: string } {
  if (typeof payload !== 'object' || payload === null || !('val' in payload) || typeof payload.val !== 'string') {
    return { payload };
  }
  const at = payload.val.indexOf(FRAME);
  if (at === -1) return { payload };
  return {
    payload: { ...payload, val: payload.val.slice(0, at) },
    stack: framesOf(payload.val.slice(at + 1), map),
  };
}

function framesOf(text: string, map: PlaceMapper | undefined): string {
  const frames = cut(text).trimEnd();
  if (map === undefined) return frames;
  const mapped = map(frames);
  const own = mapped.split('\n').filter((frame) => !NOT_THE_AUTHORS.test(frame));
  return own.length === 0 ? mapped : own.join('\n');
}

function unescaped(text: string): string {
  return text.replace(ESCAPE, (_, hex: string | undefined, character: string) => {
    if (hex !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ffff));
    return character === 'n' ? '\n' : character === 't' ? '\t' : character === 'r' ? '\r' : character;
  });
}

function cut(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}
