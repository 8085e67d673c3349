export type { ComponentMetadata } from '#runtime/actor';
export { registerHostFunctions } from '#runtime/actor';
export { ChildBuilder } from '#runtime/build';
export { JcoEngine } from '#runtime/engine';
export { currentStore, execution, hostFunction, TurnScheduler } from '#runtime/execution';
export type { HostCaller, LogChannel, LogRecord } from '#runtime/host';
export {
  ChainComponentLoader,
  checkComponentSize,
  FileComponentLoader,
  fetchComponent,
  isMissing,
  MemoryComponentLoader,
  readComponentFile,
} from '#runtime/loaders';
export { type ComponentResource, dropNow, type ResourceCalls, type ResourceMethod } from '#runtime/resources';
export type { ComponentState, StateChange } from '#runtime/store';
export { ComponentLimiter, StoreManager } from '#runtime/store';
export { ComponentError, RuntimeError, type RuntimeErrorCode } from './errors.ts';
