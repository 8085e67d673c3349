import {
  type ArtifactReport,
  ArtifactSource,
  ArtifactTarget,
  BundleError,
  type BundleSource,
  type CredentialOptions,
  declaredShape,
  findCredentials,
  inspect,
  type OnProgress,
  type PullOptions,
  type PullReport,
  type PushOptions,
  type PushReport,
  packageVersion,
  proxiesOf,
  pull,
  push,
  refuseStale,
  SqliteSource,
  SqliteTarget,
  type VerifyOptions,
  verify,
  verifyFolder,
  verifyTree,
} from '#bundle';
import { allow, checkOptions } from '#core/options';
import { shownPath } from '#core/text';
import { readRegular } from '#files';
import { signArtifact } from '#security/keys';
import { artifactTrust, openArtifactCache } from '../artifact-cache.ts';
import { systemClock, systemRandom } from '../clock.ts';
import { readComponentPath } from '../component-source.ts';
import { openKeyring } from './keyring.ts';

export type TransferProgress = Parameters<OnProgress>[0];

/** A registry and the credentials for it. */
export interface BundleRemote extends Omit<CredentialOptions, 'environment'> {
  readonly url: string;
  readonly scope: string;
  readonly authHosts?: readonly string[];
  readonly concurrency?: number;
  /** A PEM file of certificate authorities that are trusted in addition to the system's. */
  readonly caFile?: string;
}

interface Watched {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface PushBundleOptions extends Watched {
  /** A source database; without one, the artifact cache is pushed. */
  readonly database?: string;
  readonly sourceRoot?: string;
  readonly folder?: string;
  readonly producer?: string;
  readonly strict?: boolean;
  readonly dryRun?: boolean;
  /** Component files that the bundle carries beside their artifacts. */
  readonly components?: readonly string[];
  /** The name of the key that signs the artifacts. */
  readonly key?: string;
  /** The name of the key that signs the bundle. */
  readonly sign?: string;
  readonly remote?: BundleRemote & Pick<NonNullable<PushOptions['remote']>, 'tag' | 'digestMode' | 'mountFrom'>;
}

// `push`, `pull` and `verify` themselves check the options in `remote`, before they do anything.
const WATCHED: allow.OptionRules<Watched> = { onProgress: allow.func, signal: allow.signal };
const remoteRule: allow.OptionRule = allow.each(allow.anything, 'an object of options');
const PUSH: allow.OptionRules<PushBundleOptions> = {
  ...WATCHED,
  database: allow.path,
  sourceRoot: allow.path,
  folder: allow.path,
  producer: allow.text,
  strict: allow.flag,
  dryRun: allow.flag,
  components: allow.listOf(allow.path),
  key: allow.text,
  sign: allow.text,
  remote: remoteRule,
};
const PULL: allow.OptionRules<PullBundleOptions> = {
  ...WATCHED,
  database: allow.path,
  force: allow.flag,
  folder: allow.path,
  producer: allow.text,
  verify: allow.flag,
  trust: allow.oneOf('any', 'signed'),
  remote: remoteRule,
};
const CHECK: allow.OptionRules<CheckBundleOptions> = {
  ...WATCHED,
  path: allow.path,
  producer: allow.text,
  remote: remoteRule,
};
const PUSH_RULE = allow.options(PUSH);
const PULL_RULE = allow.options(PULL);
const CHECK_RULE = allow.options(CHECK);

function refuse(value: unknown, rule: allow.OptionRule): void {
  checkOptions(value ?? null, rule, '', (message, option) => {
    return new BundleError('BUNDLE_INVALID_OPTION', message, { details: { option } });
  });
}

/** Packs a source database or this user's artifact cache, and pushes it to a registry if one is named. */
export async function pushBundle(options: PushBundleOptions): Promise<PushReport> {
  refuse(options, PUSH_RULE);
  const { database, folder, remote, strict, dryRun, sign } = options;
  const signer = sign === undefined ? undefined : await openKeyring().keys.signer(sign);
  await using cache = database === undefined ? openArtifactCache() : undefined;
  const source = await sourceOf(options, cache?.manager.store);
  try {
    const generatedAtMs = pinnedTime(process.env.SOURCE_DATE_EPOCH);
    return await push({
      source,
      ...surroundings(options),
      ...(folder !== undefined && { folder }),
      ...(remote !== undefined && { remote: await admitted(remote) }),
      ...(strict !== undefined && { strict }),
      ...(dryRun !== undefined && { dryRun }),
      ...(generatedAtMs !== undefined && { generatedAtMs }),
      ...(signer !== undefined && { sign: signer }),
    });
  } finally {
    await source.close();
  }
}

type Store = ConstructorParameters<typeof ArtifactSource>[0]['store'];

async function sourceOf(options: PushBundleOptions, store: Store | undefined): Promise<BundleSource> {
  const { database, sourceRoot, producer, components = [], key, folder } = options;
  const common = { producerVersion: packageVersion(), ...(producer !== undefined && { producer }) };
  if (store === undefined) {
    return SqliteSource.open({
      path: database ?? '',
      clock: systemClock,
      ...common,
      ...(sourceRoot !== undefined && { sourceRoot }),
    });
  }
  const signer = key === undefined ? undefined : await openKeyring().keys.signer(key);
  const previous = folder === undefined ? undefined : await previousIn(folder, producer ?? 'vivarium');
  return new ArtifactSource({
    store,
    ...common,
    components: components.map((file) => () => readComponentPath(file)),
    ...(signer && { sign: (content: Uint8Array) => signArtifact(content, [signer], systemClock) }),
    ...(previous && folder !== undefined && { previous: { lockfile: previous, folder } }),
    trust: artifactTrust(systemClock, systemRandom),
  });
}

async function previousIn(folder: string, producer: string) {
  return inspect(folder, producer).then(
    ([found]) => found?.lockfile,
    () => undefined,
  );
}

export interface PullBundleOptions extends Watched {
  /** The database to create; without one, artifacts are restored into the artifact cache. */
  readonly database?: string;
  readonly force?: boolean;
  readonly folder?: string;
  readonly producer?: string;
  readonly verify?: boolean;
  /** `signed` refuses a bundle without a signature by a key that this user trusts; `any` is the default. */
  readonly trust?: 'any' | 'signed';
  readonly remote?: BundleRemote & Pick<NonNullable<PullOptions['remote']>, 'reference'>;
}

/** Fetches a bundle from a registry if one is named, and restores it. */
export async function pullBundle(
  options: PullBundleOptions,
): Promise<PullReport & { readonly artifacts?: ArtifactReport }> {
  refuse(options, PULL_RULE);
  const { database, folder, remote, force, verify: verifyChunks, trust } = options;
  const common = {
    ...surroundings(options),
    ...(folder !== undefined && { folder }),
    ...(remote !== undefined && { remote: await admitted(remote) }),
    ...(trust === 'signed' && { trust: openKeyring().trust }),
  };
  if (database !== undefined) {
    const target: PullOptions['target'] = ({ meta }) =>
      new SqliteTarget({
        path: database,
        shape: declaredShape(meta),
        meta,
        clock: systemClock,
        ...(force && { force }),
      });
    const producer = options.producer ?? 'mache';
    return pull({ ...common, producer, target, ...(verifyChunks !== undefined && { verify: verifyChunks }) });
  }
  await using cache = openArtifactCache();
  const { manager } = cache;
  const target = new ArtifactTarget({
    store: manager.store,
    rebuild: async (component, digest) => {
      const report = await manager.warmup([{ name: digest, digest, load: async () => component }], 'strict');
      const [failed] = report.failed;
      if (failed !== undefined) throw failed.error;
    },
  });
  // Artifacts are code, so their chunks are always hashed: the caller's `verify` does not apply here.
  const report = await pull({ ...common, producer: options.producer ?? 'vivarium', target: () => target });
  return { ...report, artifacts: target.report };
}

export interface CheckBundleOptions extends Watched {
  /** A folder or a lockfile; without one, a registry is probed. */
  readonly path?: string;
  readonly producer?: string;
  readonly remote?: BundleRemote & Pick<VerifyOptions['remote'], 'reference' | 'full'>;
}

/** Checks a bundle in a folder or a registry without restoring it. Returns what was checked, and throws if anything is wrong. */
export async function checkBundle(options: CheckBundleOptions): Promise<Readonly<Record<string, unknown>>> {
  refuse(options, CHECK_RULE);
  const { path, producer, remote, onProgress } = options;
  if (path !== undefined) return { ...(await verifyFolder(path, producer, onProgress)) };
  if (remote === undefined) {
    throw new BundleError('BUNDLE_INVALID_OPTION', 'nothing to verify; name a path, or a registry with remote');
  }
  const checked = { remote: await admitted(remote), ...surroundings(options) };
  return { ...(await verify({ ...checked, ...(producer !== undefined && { producer }) })) };
}

/** Compares a lockfile with a working tree. @throws `BUNDLE_STALE` if they differ */
export async function checkWorkingTree(
  path: string,
  tree: string,
  producer?: string,
): Promise<Readonly<Record<string, unknown>>> {
  const check = await verifyTree(path, tree, producer);
  refuseStale(check);
  return { ...check };
}

/** Returns the content of a bundle's folder or lockfile, and its signers. */
export function inspectBundle(path: string, producer?: string): ReturnType<typeof inspect> {
  return inspect(path, producer, { keys: openKeyring().trust, now: systemClock.now() });
}

function surroundings({ onProgress, signal }: Watched) {
  return {
    clock: systemClock,
    random: systemRandom,
    ...(onProgress !== undefined && { onProgress }),
    ...(signal !== undefined && { signal }),
  };
}

async function admitted<Remote extends BundleRemote>(remote: Remote) {
  const { tokenFile, token, user, caFile, ...place } = remote;
  const ca = caFile === undefined ? undefined : await authoritiesIn(caFile);
  const credentials = await findCredentials({
    ...(tokenFile !== undefined && { tokenFile }),
    ...(token !== undefined && { token }),
    ...(user !== undefined && { user }),
    environment: process.env,
  });
  const proxies = proxiesOf(process.env);
  return { ...place, proxies, ...(ca !== undefined && { ca }), ...(credentials !== undefined && { credentials }) };
}

async function authoritiesIn(file: string): Promise<string> {
  const bytes = await readRegular(file, 4 * 2 ** 20, { links: 'follow' }).catch((cause: unknown) => {
    const message = `the file of authorities ${shownPath(file)} cannot be read`;
    throw new BundleError('BUNDLE_INVALID_OPTION', message, { cause });
  });
  const text = bytes.toString('latin1');
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new BundleError('BUNDLE_INVALID_OPTION', `${shownPath(file)} holds no certificate in PEM`);
}

/** Converts `SOURCE_DATE_EPOCH` to milliseconds: https://reproducible-builds.org/specs/source-date-epoch/ */
function pinnedTime(seconds: string | undefined): number | undefined {
  return seconds !== undefined && /^\d{1,12}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
}
