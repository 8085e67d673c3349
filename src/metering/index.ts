import type { Meter } from '#core';
import { RewritingMeter } from './meter.ts';

export { MeteringError, type MeteringErrorCode } from './errors.ts';
export { meterModule, RewritingMeter } from './meter.ts';

/** The meter that reads the machine's monotonic clock. */
export const meter: Meter = new RewritingMeter();
