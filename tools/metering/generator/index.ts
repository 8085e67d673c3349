export { OPERATORS } from './emitter.ts';
export { BASE, compileModule, type GeneratedModule } from './module.ts';
export { type ModulePlan, modulePlan } from './plan.ts';
export { allFeatures, type Features, type Signature, type ValueType } from './types.ts';
