import type { TransferProgress } from '#system/operations';
import type { Shell } from '../../shell.ts';
import { bytesText } from '../../terminal/bytes-text.ts';
import { ProgressBar } from '../../terminal/progress-bar.ts';

const WORDS = { pack: 'packing', send: 'sending', fetch: 'fetching', restore: 'restoring', check: 'checking' } as const;
const EVERY_MS = 100;

/** Shows a transfer on the terminal: chunks, bytes, rate and remaining time. */
export class TransferBar {
  readonly #bar: ProgressBar;
  #step: TransferProgress['step'] | undefined;
  #startedAt = 0;
  #shownAt = 0;

  constructor(shell: Shell) {
    this.#bar = new ProgressBar(shell);
  }

  readonly show = ({ step, chunks, totalChunks, bytes, totalBytes }: TransferProgress): void => {
    const now = performance.now();
    if (step !== this.#step) [this.#step, this.#startedAt] = [step, now];
    if (now - this.#shownAt < EVERY_MS && chunks < totalChunks) return;
    this.#shownAt = now;
    const seconds = (now - this.#startedAt) / 1000;
    const rate = seconds > 0 ? bytes / seconds : 0;
    // If the total of bytes is unknown, the remaining time is estimated from the chunks.
    const left = totalBytes === undefined ? (seconds / chunks) * (totalChunks - chunks) : (totalBytes - bytes) / rate;
    const remaining = Number.isFinite(left) ? `, ${Math.ceil(left)} s left` : '';
    this.#bar.show(
      chunks,
      totalChunks,
      `${WORDS[step]} ${bytesText(bytes)}, ${bytesText(Math.round(rate))}/s${remaining}`,
    );
  };

  clear(): void {
    this.#bar.clear();
  }
}
