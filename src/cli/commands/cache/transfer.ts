import type { TransferProgress } from '#system/operations';
import type { Shell } from '../../shell.ts';
import { TransferBar } from './transfer-bar.ts';

/** Runs a transfer with a progress bar. Ctrl-C aborts the transfer in an orderly way, so that it leaves nothing half-written. */
export async function transfer<Result>(
  shell: Shell,
  run: (watch: { onProgress: (progress: TransferProgress) => void; signal: AbortSignal }) => Promise<Result>,
): Promise<Result> {
  const bar = new TransferBar(shell);
  const controller = new AbortController();
  const stop = () => controller.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  try {
    return await run({ onProgress: bar.show, signal: controller.signal });
  } finally {
    process.off('SIGINT', stop);
    bar.clear();
  }
}
