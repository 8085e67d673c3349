import { printable } from '#core/text';
import type { Shell } from '../shell.ts';

/** Work that is done sooner shows nothing. */
const SHOWN_AFTER_MS = 300;
const FRAME_MS = 100;
const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/** Shows on a terminal's standard error that something goes on, until it has ended; silent in a pipe and with `--json`. */
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
