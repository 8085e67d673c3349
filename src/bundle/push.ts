import { join } from 'node:path';
import { allow } from '#core/options';
import type { Signer } from '#security/signers';
import { ChunkStore } from './chunks/chunk-store.ts';
import { BundleError } from './errors.ts';
import { lockfilePath } from './lockfile/lockfile-file.ts';
import type { Lockfile } from './lockfile/model.ts';
import { lookUpTag, WORTH_A_BATCH } from './oci/absent-blobs.ts';
import { pushRemote, type RemotePushOptions, type RemotePushReport } from './oci/push.ts';
import type { RegistryClient } from './oci/registry-client.ts';
import { openRemote } from './oci/remote-bundle.ts';
import { checkTag, repositoryOf } from './oci/repository.ts';
import { checkBundleOptions } from './option-rules.ts';
import { type PackReport, pack } from './pack.ts';
import type { OnProgress } from './progress.ts';
import { type RemoteOptions, remoteWith, SURROUNDINGS, type Surroundings, withRemote } from './remote.ts';
import { signLockfile } from './signature.ts';
import type { BundleSource } from './sources/bundle-source.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export interface PushOptions extends Surroundings {
  readonly source: BundleSource;
  /** The folder in which the bundle is packed; with a remote, a temporary folder by default. */
  readonly folder?: string;
  readonly remote?: RemoteOptions & Omit<RemotePushOptions, 'dryRun' | 'onProgress'>;
  /** Refuses a source of which something would be left out. */
  readonly strict?: boolean;
  /** Reports what would be written and sent, and does neither. */
  readonly dryRun?: boolean;
  /** Sets the lockfile's time, in milliseconds since 1970. */
  readonly generatedAtMs?: number;
  /** Signs the lockfile, beside it and in the registry. */
  readonly sign?: Signer;
  readonly onProgress?: OnProgress;
}

export interface PushReport {
  readonly packed: PackReport;
  readonly remote?: RemotePushReport;
  readonly dryRun: boolean;
}

const PUSH: allow.OptionRules<PushOptions> = {
  ...SURROUNDINGS,
  source: allow.part('close'),
  folder: allow.path,
  remote: remoteWith('tag'),
  strict: allow.flag,
  dryRun: allow.flag,
  generatedAtMs: allow.wholeNumber(0),
  sign: allow.part('sign'),
  onProgress: allow.func,
};
const RULE = allow.required(PUSH, 'clock', 'random', 'source');

/** Packs a source, and sends it to a registry if one is named. @throws as `pack` and `pushRemote` */
export async function push(options: PushOptions): Promise<PushReport> {
  checkBundleOptions(options, RULE);
  const { folder, remote, source, dryRun = false } = options;
  if (folder === undefined && remote === undefined) {
    throw new BundleError(
      'BUNDLE_INVALID_OPTION',
      'there is nowhere to push to; name a folder, or a registry with --remote',
    );
  }
  // Report errors in the remote's name before anything is packed.
  if (remote !== undefined) {
    repositoryOf(remote.url, source.producer, remote.scope);
    checkTag(remote.tag);
  }
  if (folder !== undefined && !dryRun) return pushFrom(folder, options);
  await using temporary = await TemporaryFolder.make(
    'push',
    `${source.producer} ${folder ?? remote?.scope}`,
    options.clock,
  );
  const report = await pushFrom(join(temporary.path, 'packed'), options);
  if (folder === undefined) return report;
  const missing = await missingIn(folder, join(temporary.path, 'packed'), report.packed.lockfile);
  return { ...report, packed: { ...report.packed, folder, ...missing } };
}

async function pushFrom(folder: string, options: PushOptions): Promise<PushReport> {
  const { source, remote, clock, signal, strict, generatedAtMs, onProgress, sign, dryRun = false } = options;
  const packTo = (previous?: () => Promise<Lockfile | undefined>) =>
    pack(source, folder, {
      clock,
      ...(strict !== undefined && { strict }),
      ...(generatedAtMs !== undefined && { generatedAtMs }),
      ...(previous !== undefined && { previous, withSha256: true }),
      ...(onProgress !== undefined && { onProgress }),
      ...(signal !== undefined && { signal }),
    });
  const signatureOf = async () => {
    if (sign === undefined) return undefined;
    const now = clock.now();
    return { signer: sign, envelope: await signLockfile(lockfilePath(folder, source.producer), sign, now), now };
  };
  if (remote === undefined) {
    const packed = await packTo();
    await signatureOf();
    return { packed, dryRun };
  }
  return withRemote(remote, source.producer, options, async (client) => {
    const isMuch = !dryRun && (await source.count()) >= WORTH_A_BATCH;
    const known = isMuch ? lookUpTag(client, remote.tag, remote.digestMode ?? 'sha256') : undefined;
    const packed = await packTo(() => lockfileThere(client, remote.tag));
    const signature = await signatureOf();
    const sent = await pushRemote(packed, client, {
      ...remote,
      dryRun,
      ...(signature && { signature }),
      ...(known && { known }),
      ...(onProgress !== undefined && { onProgress }),
    });
    return { packed, remote: sent, dryRun };
  });
}

/**
 * Returns the lockfile of the last push to this tag, whose time is kept if nothing changed. Anything else under the tag
 * is replaced.
 */
async function lockfileThere(client: RegistryClient, tag: string): Promise<Lockfile | undefined> {
  try {
    return (await openRemote(client, tag)).lockfile;
  } catch (error) {
    const fatal = ['BUNDLE_UNREACHABLE', 'BUNDLE_UNAUTHORISED', 'BUNDLE_FORBIDDEN_ADDRESS', 'BUNDLE_INVALID_OPTION'];
    if (error instanceof BundleError && !fatal.includes(error.code)) return undefined;
    throw error;
  }
}

async function missingIn(
  folder: string,
  packed: string,
  { sources }: Lockfile,
): Promise<Pick<PackReport, 'chunksAdded' | 'bytesAdded'>> {
  const [there, here] = [new ChunkStore(folder), new ChunkStore(packed)];
  let chunksAdded = 0;
  let bytesAdded = 0;
  for (const hash of new Set(sources.map(({ chunkHash }) => chunkHash))) {
    if (there.has(hash)) continue;
    chunksAdded++;
    bytesAdded += here.size(hash) ?? 0;
  }
  return { chunksAdded, bytesAdded };
}
