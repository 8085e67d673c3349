import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const ATTEMPTS = 600;
const EVERY_MS = 50;

/**
 * Waits until a server of others answers. Servers say in many ways that they have started, or in none, so this asks again and
 * again.
 * @param accepts says of which answer the server is up, by the status
 * @throws if the process ends, or does not answer within half a minute
 */
export async function answering(
  url: string,
  child: ChildProcess,
  accepts: (status: number) => boolean = () => true,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS && child.exitCode === null; attempt++) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => undefined,
    );
    if (status !== undefined && accepts(status)) return;
    await sleep(EVERY_MS);
  }
  throw new Error(
    child.exitCode === null ? `${url} does not answer` : `the server of ${url} ended with ${child.exitCode}`,
  );
}
