/** Replaces positions in a guest's bundle, within a text, by positions in its source files. */
export type PlaceMapper = (text: string) => string;

/** What the guest itself said of how a call ended. Both fields are the guest's text, bounded in length. */
export interface GuestWords {
  readonly why?: string | undefined;
  /** Stack frames, one per line. They name the author's files if a source map is known. */
  readonly stack?: string | undefined;
}

const MAX_LINES = 20;
const MAX_CHARACTERS = 4_000;
/** Each line of a stack begins like this, in QuickJS and in V8. */
const FRAME = '\n    at ';
/**
 * Where an exception is no error that the called function could return, componentize-qjs panics and writes it in Rust's notation: behind
 * this for a function without a `result`, and on the next line for one whose `result` has an error of another type.
 */
const FAILED = /^Failed to call '([^']{1,200})': (?:Value\()?Exception\(/;
const THROWN =
  /^Exception \{ message: Some\("((?:[^"\\]|\\.){0,8000})"\), stack: Some\("((?:[^"\\]|\\.){0,8000})"\) \}\)$/;
const ESCAPE = /\\(?:u\{([0-9a-f]{1,6})\}|(.))/g;
/** Stack frames in the engine, in our library, and in code that the bundler generated. */
const NOT_THE_AUTHORS = /\((?:native|vivarium\/guest\/[^()]{1,500}|componentize-qjs:[^()]{1,100})\)$/;
const NOTES = /^(?:note: run with |$)/;

/** Keeps the last lines that a guest wrote to standard error in one call, because a trap itself says only where it happened. */
export class LastWords {
  #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(line.slice(0, 2 * MAX_CHARACTERS));
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  /** Whether a line tells of an exception that nobody has caught. */
  static tellsThrown(line: string): boolean {
    return FAILED.test(line) || THROWN.test(line);
  }

  /** Returns what the lines say about a trap. */
  of(map: PlaceMapper | undefined): GuestWords {
    for (const [index, line] of this.#lines.entries()) {
      const [head, name] = FAILED.exec(line) ?? [];
      if (head === undefined) continue;
      const [, message, stack] = THROWN.exec(line.slice(head.length) || (this.#lines[index + 1] ?? '')) ?? [];
      if (stack === undefined) continue;
      return { why: `${name} threw: ${cut(unescaped(message ?? ''))}`, stack: framesOf(unescaped(stack), map) };
    }
    const said = this.#lines.filter((line) => !NOTES.test(line)).join('\n');
    return said === '' ? {} : { why: `it wrote: ${cut(map === undefined ? said : map(said))}` };
  }
}

/** Removes the stack from the text of an error case, so that only the host sees it. */
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
