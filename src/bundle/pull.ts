import { join } from 'node:path';
import { allow } from '#core/options';
import type { TrustedKey, TrustedKeys } from '#security/signers';
import { BundleError } from './errors.ts';
import { loadLockfile } from './lockfile/lockfile-file.ts';
import { type Lockfile, rootIsRight } from './lockfile/model.ts';
import { pullRemote, type RemotePullReport } from './oci/pull.ts';
import { checkReference, repositoryOf } from './oci/repository.ts';
import { checkBundleOptions } from './option-rules.ts';
import type { OnProgress } from './progress.ts';
import { type RemoteOptions, remoteWith, SURROUNDINGS, type Surroundings, withRemote } from './remote.ts';
import { requireBeside } from './signature.ts';
import type { BundleTarget } from './sources/bundle-source.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { type UnpackReport, unpack } from './unpack.ts';

export interface PullOptions extends Surroundings {
  readonly producer: string;
  /** The bundle's folder. With a remote it is filled; without one given, a temporary folder is used. */
  readonly folder?: string;
  readonly remote?: RemoteOptions & { readonly reference: string; readonly maxChunkBytes?: number };
  /** Makes the target of the restore; without it, only the folder is filled. */
  readonly target?: (lockfile: Lockfile) => BundleTarget;
  /** `false` trusts the folder's chunks and does not hash them. Chunks from a registry are always hashed. */
  readonly verify?: boolean;
  /** Trusted keys: a bundle that none of them signed is refused. Without it, signatures are not checked. */
  readonly trust?: TrustedKeys;
  readonly onProgress?: OnProgress;
}

export interface PullReport {
  readonly lockfile: Lockfile;
  /** `false` when the producer has its own rule for the lockfile's root, which cannot be checked here. */
  readonly rootChecked: boolean;
  /** The trusted keys that signed, if signatures were required. */
  readonly signers?: readonly TrustedKey[];
  readonly fetched?: RemotePullReport;
  readonly restored?: UnpackReport;
}

const PULL: allow.OptionRules<PullOptions> = {
  ...SURROUNDINGS,
  producer: allow.text,
  folder: allow.path,
  remote: remoteWith('reference'),
  target: allow.func,
  verify: allow.flag,
  trust: allow.part('find'),
  onProgress: allow.func,
};
const RULE = allow.required(PULL, 'clock', 'random', 'producer');

/**
 * Fetches a bundle from a registry if one is named, and restores it. @throws as `pullRemote` and `unpack`;
 * `BUNDLE_UNTRUSTED`
 */
export async function pull(options: PullOptions): Promise<PullReport> {
  checkBundleOptions(options, RULE);
  const { folder, remote, producer } = options;
  if (remote !== undefined) {
    repositoryOf(remote.url, producer, remote.scope);
    checkReference(remote.reference);
  }
  if (folder !== undefined) return pullInto(folder, options);
  if (remote === undefined || options.target === undefined) {
    throw new BundleError(
      'BUNDLE_INVALID_OPTION',
      'nothing to pull; name the folder of a bundle, or a registry with --remote',
    );
  }
  // A pull continues with the chunks of a killed pull if it is from the same repository.
  const purpose = `${remote.url} ${producer} ${remote.scope}`;
  await using temporary = await TemporaryFolder.make('pull', purpose, options.clock);
  return await pullInto(join(temporary.path, 'bundle'), options);
}

async function pullInto(folder: string, options: PullOptions): Promise<PullReport> {
  const { remote, producer, target, clock, signal, verify, trust, onProgress } = options;
  const fetched =
    remote &&
    (await withRemote(remote, producer, options, (client) =>
      pullRemote(client, folder, {
        ...remote,
        producer,
        clock,
        ...(trust !== undefined && { trust }),
        ...(onProgress !== undefined && { onProgress }),
      }),
    ));
  const { lockfile, signers } = fetched ?? (await fromFolder(folder, options));
  const restored =
    target &&
    (await unpack(lockfile, folder, target(lockfile), {
      ...(verify !== undefined && { verify }),
      ...(onProgress !== undefined && { onProgress }),
      ...(signal !== undefined && { signal }),
    }));
  return {
    lockfile,
    rootChecked: await rootIsRight(lockfile),
    ...(signers && { signers }),
    ...(fetched && { fetched }),
    ...(restored && { restored }),
  };
}

async function fromFolder(
  folder: string,
  { producer, trust, clock }: PullOptions,
): Promise<Pick<PullReport, 'lockfile' | 'signers'>> {
  const loaded = await loadLockfile(folder, producer);
  if (trust === undefined) return loaded;
  const signers = await requireBeside(loaded, { keys: trust, now: clock.now() });
  return { lockfile: loaded.lockfile, signers };
}
