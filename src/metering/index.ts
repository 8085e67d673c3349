export { MeteringError, type MeteringErrorCode } from './errors.ts';
export { meterModule, RewritingMeter } from './meter.ts';
