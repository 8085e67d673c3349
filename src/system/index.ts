export type { ActorRef, DeadLetter, HostTopic, Protocol } from '#messaging';
export { type ActorManifest, readManifest } from '#project';
export { type OpenArtifactCache, openArtifactCache } from './artifact-cache.ts';
export type { ComponentSource } from './component-source.ts';
export type { RuntimeEvents } from './events.ts';
export { missingGrants } from './grants.ts';
export { type Inspection, inspectComponent } from './inspect.ts';
export { type AuditFilter, openAuditFolder, openKeyring, readAudit, verifyAudit } from './keyring.ts';
export { type MeteredFile, meterFile } from './meter.ts';
export type { LoadOptions, RequestOptions, RuntimeOptions, RuntimePorts, SupervisionOptions } from './options.ts';
export {
  type BundleRemote,
  checkBundle,
  checkWorkingTree,
  inspectBundle,
  pullBundle,
  pushBundle,
  type TransferProgress,
} from './portable-cache.ts';
export { buildActor, newActor } from './project.ts';
export {
  interfaceOf,
  OpenRegistry,
  openEmbedder,
  openRegistry,
  type PublisherKeys,
  type RegistryOptions,
} from './registry.ts';
export { type CallTarget, createRuntime, Runtime } from './runtime.ts';
