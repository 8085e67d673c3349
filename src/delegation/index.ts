export { type CallContext, type DecisionContext, requestHash } from './call-context.ts';
export type { DelegationEngine, ExecTarget, L4CacheHit } from './delegation-engine.ts';
export { DelegationError, type DelegationErrorCode } from './errors.ts';
export { type DelegatedCall, type Execution, Executor, type ExecutorParts } from './executor.ts';
export { type ComponentHost, executorFor, type HostLoad } from './executor-for.ts';
export {
  type GeneratedMetadata,
  type GeneratedModule,
  type GeneratedPublisher,
  type GenerationParts,
  GenerationPipeline,
  type GenerationStage,
} from './generation.ts';
export { HttpEmbedder, type HttpEmbedderOptions } from './models/http-embedder.ts';
export { HttpModelProvider } from './models/http-model-provider.ts';
export type { EndpointOptions } from './models/json-endpoint.ts';
export { LocalEmbedder } from './models/local-embedder.ts';
export { RegistryAwareDelegationEngine, type RegistryAwareOptions } from './registry-aware-delegation-engine.ts';
export {
  type MemoStatistics,
  StaticDelegationEngine,
  type StaticDelegationOptions,
} from './static-delegation-engine.ts';
