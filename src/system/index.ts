export { ComponentError, type ExportedParameter, type ExportInfo, type JsonSchema } from '#runtime';
export { systemClock } from './clock.ts';
export type { RunOptions } from './command-run.ts';
export type { ComponentSource } from './component-source.ts';
export { createRuntime } from './create-runtime.ts';
export { isVivariumError, type VivariumErrorCode } from './error-codes.ts';
export type { RuntimeEvents, Warning } from './events.ts';
export type { FetchOptions } from './fetch-options.ts';
export { isFull, serveExchange } from './hosted-runtime.ts';
export { HttpExchange } from './http-exchange.ts';
export type { CachedArtifacts } from './listings.ts';
export type { RuntimeMetrics } from './metrics.ts';
export type { NextHandler } from './next-handler.ts';
export { openTracer } from './open-tracer.ts';
export type {
  LoadedComponentInfo,
  LoadOptions,
  MessagingOptions,
  ReplaceOptions,
  RequestOptions,
  RuntimeOptions,
  RuntimePorts,
  SupervisionOptions,
  UnloadOptions,
} from './options.ts';
export type { RequestBounds } from './request-gate.ts';
export { type CallTarget, Runtime } from './runtime.ts';
export type { OutputTarget, StdinSource, StdioOptions } from './stdio.ts';
export { problemOf, type ToResponseOptions, toResponse } from './to-response.ts';
