export { MeteringError, type MeteringErrorCode } from '../errors.ts';
export { fuelLane } from './cell-holder.ts';
export { FuelTank, type FuelTankOptions, type MeteredInstance } from './fuel-tank.ts';
export { SharedTank, type SliceSizes } from './tank.ts';
export { tanks } from './tanks.ts';
