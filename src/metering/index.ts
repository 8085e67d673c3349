export { fuelLane } from './cell-holder.ts';
export { explainBytes, meterBytes } from './component.ts';
export { MeteringError, type MeteringErrorCode } from './errors.ts';
export type { FunctionExplanation, ModuleExplanation } from './explain.ts';
export { FuelTank, type FuelTankOptions, type MeteredInstance } from './fuel-tank.ts';
export { meter, meterModule, RewritingMeter } from './meter.ts';
export type { Convention } from './plan.ts';
export type { SliceSizes } from './tank.ts';
export { tanks } from './tanks.ts';
