import type { Writable } from 'node:stream';
import { EXIT } from '../exit-codes.ts';

interface Outputs {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Ends the process when its output cannot be written: silently with 0 when the reader of a pipe has seen enough, as `head` has, and with a
 * sentence and 2, as for any file, when the disk is full. Without a listener, Node ends the process with a stack trace.
 */
export class BrokenOutput {
  readonly #leave: (code: number) => void;
  #isLent = false;

  constructor({ stdout, stderr }: Outputs, leave: (code: number) => void) {
    this.#leave = leave;
    stdout.on('error', (error) => this.#broken('standard output', error, stderr));
    stderr.on('error', (error) => this.#broken('standard error', error, stdout));
  }

  /**
   * From now on a WASI command owns the streams. It is told by its own stream what it cannot write, decides what to do, and its exit code is
   * that of the process.
   */
  lend(): void {
    this.#isLent = true;
  }

  #broken(name: string, error: NodeJS.ErrnoException, other: Writable): void {
    if (this.#isLent) return;
    const isUnread = error.code === 'EPIPE';
    const why = error.code === 'ENOSPC' ? 'the disk is full' : error.message;
    if (!isUnread && other.writable) other.write(`CLI_FILE: ${name} cannot be written: ${why}\n`);
    this.#leave(isUnread ? EXIT.done : EXIT.usage);
  }
}
