import type { Meter } from '#core/ports/meter';
import { FORMAT_VERSION } from '../metadata.ts';
import { SharedTank } from './tank.ts';

/** Read once, because the global is a getter. */
const { performance } = globalThis;

/** The part of a meter that runs modules that are metered already. A start from the cache loads no rewriter for it. */
export const tanks: Pick<Meter, 'version' | 'createTank'> = {
  version: `vivarium-metering/${FORMAT_VERSION}`,
  createTank: (options) => new SharedTank(options, () => performance.now()),
};
