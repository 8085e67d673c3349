export type { WaitingImport } from '#core';
export type { Convention } from '#metering/plan';
export { explainBytes, meterBytes } from './component.ts';
export { MeteringError, type MeteringErrorCode } from './errors.ts';
export type { FunctionExplanation, ModuleExplanation } from './explain.ts';
export { meter, meterModule, RewritingMeter } from './meter.ts';
export {
  FuelTank,
  type FuelTankOptions,
  fuelLane,
  type MeteredInstance,
  type SliceSizes,
  tanks,
} from './tank/index.ts';
