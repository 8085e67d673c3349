export { currentStore } from './current-store.ts';
export { Execution, execution, type ParkedCall } from './execution.ts';
export { GuestEntry, hasSignature, NestedCall } from './guest-entry.ts';
export { hostFunction } from './host-function.ts';
export { type Suspension, Turn } from './turn.ts';
export { TurnScheduler, TurnStack } from './turn-scheduler.ts';
