import { printable } from '#core/text';
import type { Shell } from '../shell.ts';

/** Work that ends within this time shows nothing. */
const SHOWN_AFTER_MS = 300;
const FRAME_MS = 100;
const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/** Shows on standard error that work is in progress, until it ends. Prints nothing in a pipe or with `--json`. */
export async function showing<T>(shell: Shell, what: string, work: Promise<T>): Promise<T> {
  const { stderr } = shell.streams;
  if (stderr.isTTY !== true || shell.json) return work;
  let frame = -Math.ceil(SHOWN_AFTER_MS / FRAME_MS);
  const timer = setInterval(() => {
    frame += 1;
    if (frame >= 0) stderr.write(`\r${FRAMES[frame % FRAMES.length]} ${printable(what)}\u001b[K`);
  }, FRAME_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (frame >= 0) stderr.write('\r\u001b[K');
  }
}
