export { type CallContext, requestHash } from './call-context.ts';
export type { DelegationEngine, ExecTarget } from './delegation-engine.ts';
export { DelegationError, type DelegationErrorCode } from './errors.ts';
export { type DelegatedCall, type Execution, Executor } from './executor.ts';
export { HttpEmbedder } from './models/http-embedder.ts';
export { HttpModelProvider } from './models/http-model-provider.ts';
export { LocalEmbedder } from './models/local-embedder.ts';
export { RegistryAwareDelegationEngine } from './registry-aware-delegation-engine.ts';
export { StaticDelegationEngine } from './static-delegation-engine.ts';
