export type { ActorRef, DeadLetter, HostTopic, Protocol } from '#messaging';
export type { ComponentResource } from '#runtime';
export { type OpenArtifactCache, openArtifactCache } from './artifact-cache.ts';
export type { ComponentSource } from './component-source.ts';
export { isVivariumError, type VivariumErrorCode } from './error-codes.ts';
export type { RuntimeEvents, Warning } from './events.ts';
export { missingGrants } from './grants.ts';
export type { Inspection } from './inspect.ts';
export { type AuditFilter, openAuditFolder, openKeyring, readAudit, verifyAudit } from './keyring.ts';
export type { MeteredFile } from './meter.ts';
export type { RuntimeMetrics } from './metrics.ts';
export {
  buildActor,
  buildSource,
  checkBundle,
  checkWorkingTree,
  inspectBundle,
  inspectComponent,
  interfaceOf,
  meterFile,
  newActor,
  openEmbedder,
  openRegistry,
  pullBundle,
  pushBundle,
  readManifest,
} from './on-use.ts';
export type {
  LoadOptions,
  MessagingOptions,
  RequestOptions,
  RuntimeOptions,
  RuntimePorts,
  SupervisionOptions,
  UnloadOptions,
} from './options.ts';
export type { BundleRemote, TransferProgress } from './portable-cache.ts';
export type { ActorManifest } from './project.ts';
export type { OpenRegistry, PublisherKeys, RegistryOptions } from './registry.ts';
export { type CallTarget, createRuntime, Runtime } from './runtime.ts';
export type { OutputTarget, StdinSource, StdioOptions } from './stdio.ts';
