export {
  type Argument,
  CALL_PLAN_FORMAT,
  type CallPlan,
  type DirectPlan,
  decodeCallPlan,
  encodeCallPlan,
  exportedIn,
  type PlannedExport,
  type PlannedResource,
  type PlannedStep,
} from './call-plan.ts';
export { directComponent, type PlannedCalls } from './direct-component.ts';
export type { HostFunction, HostSlot } from './host-slot.ts';
