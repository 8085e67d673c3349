export {
  type Convention,
  type FunctionPlan,
  HOST_CALL_COST,
  LARGEST_RUN,
  type ModulePlan,
  planModule,
} from './plan.ts';
export { copiesOf } from './unrolling.ts';
export { LARGEST_WEIGHT } from './weights.ts';
