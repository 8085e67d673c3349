import { randomFillSync } from 'node:crypto';
import type { Random } from '#core/ports/random';

export { systemClock } from '#core/ports/system-clock';

/** The operating system's randomness. */
export const systemRandom: Random = {
  bytes: (length: number) => randomFillSync(new Uint8Array(length)),
  fraction: () => Math.random(),
};
