import type { Readable, Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { isVivariumError, messageOf } from '#core/errors';
import { printable } from '#core/text';
import { EXIT, exitCodeOf } from './exit-codes.ts';

/** Where a command reads and writes. Tests give their own. */
export interface Streams {
  readonly stdin: Readable & { isTTY?: boolean };
  readonly stdout: Writable & { isTTY?: boolean };
  readonly stderr: Writable & { isTTY?: boolean };
}

type Style = Parameters<typeof styleText>[0];

/**
 * What a command talks to: results to standard output, everything else to standard error. With `--json` a result is one
 * object a line; without, it is for people, and in a pipe there is no decoration.
 */
export class Shell {
  readonly streams: Streams;
  json = false;
  /** One of `EXIT`, or what a command that ran exited with. */
  exitCode: number = EXIT.done;

  constructor(streams: Streams) {
    this.streams = streams;
  }

  get isTerminal(): boolean {
    return this.streams.stdout.isTTY === true;
  }

  /** Prints a result: the object with `--json`, the text otherwise. */
  result(object: Readonly<Record<string, unknown>>, text: string): void {
    this.streams.stdout.write(`${this.json ? toJson(object) : text}\n`);
  }

  /** A remark for people; silent in a pipe and with `--json`. */
  note(text: string): void {
    if (!this.json && this.isTerminal) this.streams.stderr.write(`${this.style('dim', text)}\n`);
  }

  /**
   * A line that always goes to standard error, such as a component's log. Its text is not trusted: what would move a
   * cursor is shown, in a pipe too, whose end may be a terminal.
   * @param prefix whose text it is; stands before each line of it, so that no text can pass for somebody else's
   */
  line(text: string, prefix = ''): void {
    for (const part of printable(text).split('\n')) this.streams.stderr.write(`${prefix}${part}\n`);
  }

  style(style: Style, text: string): string {
    return this.isTerminal ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Prints an error and sets the exit code that belongs to it. */
  fail(error: unknown): void {
    this.exitCode = exitCodeOf(error);
    const described = describedError(error);
    if (this.json) this.streams.stdout.write(`${toJson({ error: described })}\n`);
    else {
      this.streams.stderr.write(`${printable(`${described.code}: ${described.message}`)}\n`);
      if (typeof described.guestStack === 'string') this.line(described.guestStack);
    }
    if (!isVivariumError(error) && error instanceof Error && process.env.VIVARIUM_DEBUG) this.line(error.stack ?? '');
  }

  /** Makes a command's action: whatever it throws is printed and becomes the exit code. */
  action<Args extends unknown[]>(run: (...args: Args) => Promise<void>): (...args: Args) => Promise<void> {
    return async (...args) => {
      this.json = (args.at(-1) as Command).optsWithGlobals<{ json?: boolean }>().json === true;
      try {
        await run(...args);
      } catch (error) {
        this.fail(error);
      }
    };
  }
}

/** One line of JSON: 64-bit numbers as decimal strings, NaN and infinities as strings too, typed arrays as arrays. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (typeof item === 'bigint') return item.toString();
    if (typeof item === 'number' && !Number.isFinite(item)) return String(item);
    if (ArrayBuffer.isView(item) && !(item instanceof DataView)) return Array.from(item as Uint8Array);
    return item;
  });
}

/** An error as `--json` prints it: what it says of itself in `details`, and beside its code too, where scripts read it. */
function describedError(error: unknown): Record<string, unknown> {
  if (!isVivariumError(error)) return { code: 'UNEXPECTED', message: messageOf(error) };
  const { details } = error;
  return { ...details, ...error.toJSON() };
}
