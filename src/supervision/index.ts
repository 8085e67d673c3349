export { SupervisionError, type SupervisionErrorCode } from './errors.ts';
export { HEALTH, HealthChecks, type HealthOptions, type HealthPorts, type HealthStatus } from './health-checks.ts';
export { LiveActors } from './live-actors.ts';
export {
  checkSupervision,
  type RestartStrategy,
  type RestartType,
  SUPERVISOR,
  type SupervisorOptions,
} from './options.ts';
export {
  ACTOR_SUPERVISION,
  type ActorControl,
  type ActorSupervision,
  type RestartEvent,
  type SupervisionPorts,
  SupervisionTree,
} from './supervision-tree.ts';
