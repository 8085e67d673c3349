import { shownPath } from '#core/text';
import { ChunkStore } from './chunks/chunk-store.ts';
import { BundleError } from './errors.ts';
import { type LoadedLockfile, loadLockfile, producersIn } from './lockfile/lockfile-file.ts';
import { type Lockfile, rootIsRight } from './lockfile/model.ts';
import { type BundleTrust, type Judgement, judgeBeside } from './signature.ts';
import { type ChunkShape, declaredShape, looksLikeAst } from './sources/chunk-shape.ts';

/** What a folder or a lockfile says about a bundle. Nothing is fetched, and chunks are not hashed. */
export interface Inspection {
  readonly path: string;
  readonly lockfile: Lockfile;
  /** `false` when the producer has its own rule for the root. */
  readonly rootChecked: boolean;
  readonly chunksPresent: number;
  readonly chunksMissing: readonly string[];
  readonly bytes: number;
  /** How many of the chunks in the folder have which shape. */
  readonly shapes: Readonly<Record<ChunkShape, number>>;
  /** Who signed it, or why its signature is not valid; only if there is a signature and it was asked for. */
  readonly signature?: Judgement;
}

/**
 * @param path a bundle's folder, or a lockfile (binary or TOML)
 * @param producer shows only its lockfile; without it, all lockfiles of a folder are shown
 * @param trust whose signatures are valid; without it, signatures are not checked
 * @throws as `loadLockfile`
 */
export async function inspect(path: string, producer?: string, trust?: BundleTrust): Promise<readonly Inspection[]> {
  let producers: readonly (string | undefined)[] = [producer];
  if (producer === undefined && !isLockfileName(path)) producers = await producersIn(path);
  if (producers.length === 0) {
    throw new BundleError(
      'BUNDLE_NOT_FOUND',
      `there is no lockfile in ${shownPath(path)}; push or pull the bundle first`,
    );
  }
  const inspections: Inspection[] = [];
  for (const each of producers) inspections.push(await examine(await loadLockfile(path, each), trust));
  return inspections;
}

async function examine(loaded: LoadedLockfile, trust: BundleTrust | undefined): Promise<Inspection> {
  const { lockfile, path, folder } = loaded;
  const store = new ChunkStore(folder);
  const declared = declaredShape(lockfile.meta);
  const missing = new Set<string>();
  const shapes = { raw: 0, ast: 0 };
  let bytes = 0;
  const seen = new Set<string>();
  for (const { chunkHash } of lockfile.sources) {
    if (seen.has(chunkHash)) continue;
    seen.add(chunkHash);
    const size = store.size(chunkHash);
    if (size === undefined) {
      missing.add(chunkHash);
      continue;
    }
    bytes += size;
    const shape = declared ?? (looksLikeAst(await store.read(chunkHash, { verify: false })) ? 'ast' : 'raw');
    shapes[shape]++;
  }
  const rootChecked = await rootIsRight(lockfile);
  const signature = trust && (await judgeBeside(loaded, trust));
  return {
    path,
    lockfile,
    rootChecked,
    chunksPresent: seen.size - missing.size,
    chunksMissing: [...missing],
    bytes,
    shapes,
    ...(signature && { signature }),
  };
}

function isLockfileName(path: string): boolean {
  return path.endsWith('.bin') || path.endsWith('.toml');
}
