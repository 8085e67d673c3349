export type { ComponentMetadata } from '#runtime/actor';
export { registerHostFunctions } from '#runtime/actor';
export { ChildBuilder } from '#runtime/build';
export { JcoEngine } from '#runtime/engine';
export { execution, hostFunction, TurnScheduler } from '#runtime/execution';
export type { HostCaller, LogChannel, LogRecord } from '#runtime/host';
export type { ComponentState, EndTurn, StateChange } from '#runtime/store';
export { ComponentLimiter, StoreManager } from '#runtime/store';
export { ComponentError, RuntimeError, type RuntimeErrorCode } from './errors.ts';
