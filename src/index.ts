// The public API, name by name. `test/api` compares it with what was committed: a change of it is a decision.

export {
  type Build,
  type CacheConfig,
  type CacheDoctorReport,
  CacheError,
  type CacheErrorCode,
  type CacheFiles,
  type CacheFinding,
  type CacheManager,
  type CacheManagerOptions,
  type CacheMetrics,
  type CacheOptions,
  type CacheProblem,
  type CacheSurvey,
  type CpuPolicy,
  type DiskState,
  type DiskStatistics,
  type DoctorOptions,
  type EngineProfile,
  type EngineProfiles,
  type InstalledComponent,
  type InstalledComponents,
  type ProfileSurvey,
  type PrunedEntry,
  type PruneOptions,
  type PruneReport,
  type WarmupItem,
  type WarmupMode,
  type WarmupOptions,
  type WarmupProgress,
  type WarmupReport,
} from '#cache';
export { type ComponentHandle, type ComponentId, formatComponentId, HOST_ID, parseComponentId } from '#core';
export {
  CoreError,
  type CoreErrorCode,
  type ErrorDetails,
  type ErrorKind,
  VivariumError,
  type VivariumErrorOptions,
} from '#core/errors';
export type { Quota, ResourceLimits } from '#core/limits';
export type { ComponentMessage, MessageFailure, MessageFailureTag, MessageMetadata, Timestamp } from '#core/messages';
export type {
  Artifact,
  ArtifactBuilder,
  ArtifactCache,
  ArtifactExport,
  ArtifactKey,
  ArtifactStore,
  ArtifactTrust,
  CompiledArtifact,
  CoreModuleArtifact,
  StoredArtifact,
} from '#core/ports/artifact';
export type { AuditEntry, AuditLog } from '#core/ports/audit';
export type { Action, Area, GrantActions } from '#core/ports/authority';
export type { Clock, StopTimer } from '#core/ports/clock';
export type { CallPath, Cancel, ComponentState, ComponentUsage, ReuseLimits, Scheduling } from '#core/ports/engine';
export type { Lane } from '#core/ports/lane';
export type { ComponentLoader } from '#core/ports/loader';
export type {
  Account,
  AttachedCode,
  AttachedFunction,
  AttachedIndices,
  AttachedSignature,
  CallBudget,
  ContextImport,
  MemoryPool,
  Meter,
  MeteredModule,
  MeteringMode,
  MeteringOptions,
  Scheduler,
  Tank,
  TankOptions,
  TankUsage,
  WaitingImport,
} from '#core/ports/meter';
export type { NameService } from '#core/ports/network';
export type { Random } from '#core/ports/random';
export type {
  BlobInventory,
  BlobStore,
  Embedder,
  FetchedModule,
  LookupOutcome,
  ModelMessage,
  ModelProvider,
  ModelReply,
  ModelRequest,
  ModuleIndex,
  ModuleMatch,
  ModuleQuery,
  ModuleRecord,
  ModuleRegistry,
  RegistryMetrics,
  ValidationStatus,
} from '#core/ports/registry';
export type { RenewedInstances, StartImage } from '#core/ports/renewal';
export type { Answered, KeyValueNamespace, KeyValueStore, KeyValueUsage } from '#core/ports/storage';
export type { OpenSpan, SpanAttributes, SpanKind, Tracer } from '#core/ports/tracing';
export { printable } from '#core/text';
export type { FieldPairs } from '#core/waiting';
export {
  type ActorRef,
  type AnswerOf,
  type CallOf,
  type Codec,
  type CodecName,
  type DeadLetter,
  type DeadLetterOptions,
  type DeadLetterReason,
  type DispatcherOptions,
  type HostTopic,
  type MailboxOptions,
  type MessageCounters,
  type MessageFields,
  MessagingError,
  type MessagingErrorCode,
  type Overflow,
  type Protocol,
  type RequestOptions,
  type SubscribeOptions,
  type TopicListener,
} from '#messaging';
export { MeteringError, type MeteringErrorCode } from '#metering/tank';
export { ProjectError, type ProjectErrorCode } from '#project';
export {
  ComponentError,
  type ExportedParameter,
  type ExportInfo,
  type HostCaller,
  hostFunction,
  type JsonSchema,
  type LogChannel,
  type LogRecord,
  RuntimeError,
  type RuntimeErrorCode,
  type StateChange,
} from '#runtime';
export { ChainComponentLoader, FileComponentLoader, MemoryComponentLoader } from '#runtime/loaders';
export type { ComponentResource, ResourceMethod } from '#runtime/resources';
export { SecurityError, type SecurityErrorCode } from '#security';
export type { Preopens } from '#security/access';
export type {
  AuditFilter,
  AuditFinding,
  AuditFolder,
  AuditHead,
  AuditRecord,
  AuditReport,
  HeadFound,
  Link,
} from '#security/audit';
export type { Denial, GrantInput, GrantPolicy, LoadFacts, TrustPolicy } from '#security/authority';
export type { KeyInfo, Keyring, KeyStore, MachineSecret, TrustOptions, TrustStore } from '#security/keys';
export type { Statement } from '#security/signatures';
export type { KeyStatus, PublicKey, Signer, TrustedKey, TrustedKeys } from '#security/signers';
export { StorageError, type StorageErrorCode } from '#storage';
export {
  type ActorSupervision,
  type HealthOptions,
  type HealthStatus,
  type RestartEvent,
  type RestartStrategy,
  type RestartType,
  SupervisionError,
  type SupervisionErrorCode,
  type SupervisorOptions,
} from '#supervision';
export {
  type CachedArtifacts,
  type CallTarget,
  type ComponentSource,
  createRuntime,
  type FetchOptions,
  isVivariumError,
  type LoadedComponentInfo,
  type LoadOptions,
  type MessagingOptions,
  type NextHandler,
  type OutputTarget,
  openTracer,
  type ReplaceOptions,
  type RequestBounds,
  type RunOptions,
  Runtime,
  type RuntimeEvents,
  type RuntimeMetrics,
  type RuntimeOptions,
  type RuntimePorts,
  type StdinSource,
  type StdioOptions,
  type SupervisionOptions,
  type ToResponseOptions,
  toResponse,
  type UnloadOptions,
  type VivariumErrorCode,
  type Warning,
} from '#system';
export {
  buildActor,
  buildSource,
  checkBundle,
  checkWorkingTree,
  inspectBundle,
  inspectComponent,
  interfaceOf,
  meterFile,
  missingGrants,
  newActor,
  type OpenArtifactCache,
  openArtifactCache,
  openAuditFolder,
  openEmbedder,
  openKeyring,
  openRegistry,
  pullBundle,
  pushBundle,
  readAudit,
  readManifest,
  verifyAudit,
} from '#system/operations';
export { WasmError, type WasmErrorCode } from '#wasm';
// From their files rather than their doors: whoever runs components alone loads no database, registry or HTTP client.
export { BundleError, type BundleErrorCode } from './bundle/errors.ts';
export { DelegationError, type DelegationErrorCode } from './delegation/errors.ts';
export { RegistryError, type RegistryErrorCode } from './registry/errors.ts';
