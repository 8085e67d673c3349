import type { Readable, Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { isVivariumError, messageOf } from '#core/errors';
import { printable } from '#core/text';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { explained } from './file-errors.ts';
import type { BrokenOutput } from './terminal/broken-output.ts';
import { lasting } from './terminal/lasting-output.ts';

/** The streams that a command reads and writes. Tests pass their own. */
export interface Streams {
  readonly stdin: Readable & { isTTY?: boolean };
  readonly stdout: Writable & { isTTY?: boolean };
  readonly stderr: Writable & { isTTY?: boolean };
}

type Style = Parameters<typeof styleText>[0];

/**
 * Prints the output of a command: results to standard output, everything else to standard error. With `--json`, each result is a
 * JSON object on one line. Without it, the output is for people, and without decoration in a pipe.
 */
export class Shell {
  #streams: Streams;
  readonly #broken: BrokenOutput | undefined;
  json = false;
  /** One of `EXIT`, or the exit code of a WASI command that `viv run` ran. */
  exitCode: number = EXIT.done;

  constructor(streams: Streams, broken?: BrokenOutput) {
    this.#streams = streams;
    this.#broken = broken;
  }

  get streams(): Streams {
    return this.#streams;
  }

  /** Returns the streams for a WASI command, to which they belong from now on: what cannot be written no longer ends the process. */
  lendStreams(): Streams {
    this.#broken?.lend();
    return this.#streams;
  }

  /** Lets a command that serves others go on where what it prints no longer fits on the disk. */
  outlastFullDisk(): void {
    const { stdin, stdout, stderr } = this.#streams;
    const event = (lost: number): string => `${JSON.stringify({ event: 'log-lost', lines: lost })}\n`;
    const told = this.json ? event : (lost: number): string => `[log] ${lost} lines are missing here\n`;
    this.#streams = { stdin, stdout: lasting(stdout, told), stderr: lasting(stderr, told) };
  }

  get isTerminal(): boolean {
    return this.streams.stdout.isTTY === true;
  }

  /** Prints a result: the object with `--json`, otherwise the text. */
  result(object: Readonly<Record<string, unknown>>, text: string): void {
    this.streams.stdout.write(`${this.json ? toJson(object) : text}\n`);
  }

  /** Prints a remark for people; prints nothing in a pipe or with `--json`. */
  note(text: string): void {
    if (!this.json && this.isTerminal) this.streams.stderr.write(`${this.style('dim', text)}\n`);
  }

  /**
   * Always prints a line, such as a component's log, to standard error. The text is not trusted: control characters are shown
   * instead of sent, even in a pipe, because a terminal may be at its end.
   * @param prefix names the source of the text. It precedes each line, so that no text can pretend to come from another source
   */
  line(text: string, prefix = ''): void {
    for (const part of printable(text).split('\n')) this.streams.stderr.write(`${prefix}${part}\n`);
  }

  style(style: Style, text: string): string {
    return this.isTerminal ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Prints an error and sets its exit code. */
  fail(thrown: unknown): void {
    const error = explained(thrown);
    this.exitCode = exitCodeOf(error);
    const described = describedError(error);
    if (this.json) this.streams.stdout.write(`${toJson({ error: described })}\n`);
    else {
      this.streams.stderr.write(`${printable(`${described.code}: ${described.message}`)}\n`);
      if (typeof described.guestStack === 'string') this.line(described.guestStack);
    }
    if (!isVivariumError(error) && error instanceof Error && process.env.VIVARIUM_DEBUG) this.line(error.stack ?? '');
  }

  /** Makes a command's action, which prints any error that `run` throws and sets the exit code. */
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

/** Writes one line of JSON, with 64-bit numbers as decimal strings, NaN and infinities as strings, and typed arrays as arrays. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (typeof item === 'bigint') return item.toString();
    if (typeof item === 'number' && !Number.isFinite(item)) return String(item);
    if (ArrayBuffer.isView(item) && !(item instanceof DataView)) return Array.from(item as Uint8Array);
    return item;
  });
}

/** Makes the object that `--json` prints for an error. Its details appear both in `details` and beside `code`, where scripts read them. */
function describedError(error: unknown): Record<string, unknown> {
  if (!isVivariumError(error)) return { code: 'UNEXPECTED', message: messageOf(error) };
  const { details } = error;
  return { ...details, ...error.toJSON() };
}
