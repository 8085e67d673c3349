export type { ContextImport, MeteringOptions, WaitingImport } from '#core/ports/meter';
export type { Convention } from '#metering/plan';
export {
  FuelTank,
  type FuelTankOptions,
  fuelLane,
  type MeteredInstance,
  MeteringError,
  type MeteringErrorCode,
  type SliceSizes,
  tanks,
} from '#metering/tank';
export { explainBytes, meterBytes } from './component.ts';
export type { FunctionExplanation, ModuleExplanation } from './explain.ts';
export { meter, meterModule, RewritingMeter } from './meter.ts';
