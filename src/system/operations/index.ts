export { type OpenArtifactCache, openArtifactCache } from '../artifact-cache.ts';
export type { ExportedWorld } from './exported-world.ts';
export { missingGrants } from './grants.ts';
export { type AuditFilter, openAuditFolder, openKeyring, readAudit, verifyAudit } from './keyring.ts';
export type { MeteredFile } from './meter.ts';
export {
  buildActor,
  buildSource,
  bundleForNode,
  checkBundle,
  checkWorkingTree,
  declareTypes,
  exportedWorldOf,
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
  readWitComments,
} from './on-use.ts';
export type { BundleRemote, TransferProgress } from './portable-cache.ts';
export type { ActorManifest, Language, Template } from './project.ts';
export type { OpenRegistry } from './registry.ts';
