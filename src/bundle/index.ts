export type { DigestMode, Digests } from './digest.ts';
export { BundleError, type BundleErrorCode } from './errors.ts';
export { type Inspection, inspect } from './inspect.ts';
export type { Lockfile, LockfileMeta, ProcessorVersion, SourceEntry, TopologyEdge } from './lockfile/model.ts';
export type { Address, Resolve } from './oci/address-rule.ts';
export { type CredentialOptions, type Credentials, findCredentials } from './oci/credentials.ts';
export { type ProxyOptions, proxiesOf } from './oci/proxies.ts';
export type { RemotePullReport } from './oci/pull.ts';
export type { RemotePushOptions, RemotePushReport } from './oci/push.ts';
export type { RemoteVerifyOptions, RemoteVerifyReport } from './oci/verify.ts';
export type { PackReport } from './pack.ts';
export type { OnProgress, Progress } from './progress.ts';
export { type PullOptions, type PullReport, pull } from './pull.ts';
export { type PushOptions, type PushReport, push } from './push.ts';
export type { RemoteOptions, Surroundings } from './remote.ts';
export type { BundleTrust, Judgement } from './signature.ts';
export { ArtifactSource, type ArtifactSourceOptions } from './sources/artifact-source.ts';
export {
  type ArtifactReport,
  ArtifactTarget,
  type ArtifactTargetOptions,
  type Read,
} from './sources/artifact-target.ts';
export type { BundleSource, BundleTarget, PackedSource } from './sources/bundle-source.ts';
export { type ChunkShape, declaredShape } from './sources/chunk-shape.ts';
export type { SqliteReaderOptions } from './sources/sqlite-reader.ts';
export { SqliteSource, type SqliteSourceOptions } from './sources/sqlite-source.ts';
export { SqliteTarget, type SqliteTargetOptions } from './sources/sqlite-target.ts';
export type { UnpackReport } from './unpack.ts';
export { type VerifyOptions, verify } from './verify.ts';
export { type FolderCheck, refuseStale, type TreeCheck, verifyFolder, verifyTree } from './verify-folder.ts';
export { packageVersion } from './version.ts';
