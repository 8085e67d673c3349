import { join } from 'node:path';

/**
 * Where a chunk lies in a bundle's folder. `hash` is its BLAKE3 in hex.
 *
 * ```
 * cache-out/
 *   mache.lock.bin
 *   mache.lock.toml
 *   objects/
 *     bf/c7feb1382c50dfc6e389aa9b4c6608ca9a18d004b84b6959c624450da52f6a
 *     .4711-8f3a….tmp      being written: a chunk, or a folder of them; swept when stale
 * ```
 */
export function chunkPath(folder: string, hash: string): string {
  return join(folder, 'objects', hash.slice(0, 2), hash.slice(2));
}
