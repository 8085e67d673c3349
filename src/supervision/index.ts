export { SupervisionError, type SupervisionErrorCode } from './errors.ts';
export { HealthChecks, type HealthOptions, type HealthPorts, type HealthStatus } from './health-checks.ts';
export { LiveActors } from './live-actors.ts';
export type { RestartStrategy, RestartType, SupervisorOptions } from './options.ts';
export {
  type ActorControl,
  type ActorSupervision,
  type RestartEvent,
  type SupervisionPorts,
  SupervisionTree,
} from './supervision-tree.ts';
