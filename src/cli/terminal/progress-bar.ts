import { printable } from '#core/text';
import type { Shell } from '../shell.ts';

const WIDTH = 24;

/** Shows the progress of work in one line on the terminal. Prints nothing in a pipe or with `--json`. */
export class ProgressBar {
  readonly #shell: Shell;
  readonly #shown: boolean;
  #lastText = '';

  constructor(shell: Shell) {
    this.#shell = shell;
    this.#shown = shell.streams.stderr.isTTY === true && !shell.json;
  }

  /** @param what the item of work in progress; this text is not trusted */
  show(done: number, total: number, what: string): void {
    if (!this.#shown) return;
    const filled = total === 0 ? WIDTH : Math.floor((done / total) * WIDTH);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}`;
    const text = `${bar} ${done}/${total} ${printable(what).slice(0, 48)}`;
    if (text === this.#lastText) return;
    this.#lastText = text;
    this.#shell.streams.stderr.write(`\r${text}\u001b[K`);
  }

  /** Removes the line, so that later output starts on an empty line. */
  clear(): void {
    if (this.#lastText === '') return;
    this.#lastText = '';
    this.#shell.streams.stderr.write('\r\u001b[K');
  }
}
