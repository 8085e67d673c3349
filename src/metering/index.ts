import type { Meter } from '#core';
import { RewritingMeter } from './meter.ts';

export { explainBytes, meterBytes } from './component.ts';
export { MeteringError, type MeteringErrorCode } from './errors.ts';
export type { FunctionExplanation, ModuleExplanation } from './explain.ts';
export { FuelTank, type FuelTankOptions, type MeteredInstance } from './fuel-tank.ts';
export { meterModule, RewritingMeter } from './meter.ts';

/** The meter that reads the machine's monotonic clock. */
export const meter: Meter = new RewritingMeter();
