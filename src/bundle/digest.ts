import { createHash, hash } from 'node:crypto';
import { blake3, openBlake3 } from './blake3.ts';

/**
 * What the `sha256:` digests of a repository contain: SHA-256, which every registry checks, or BLAKE3 under that name,
 * as the convention build-cache/v1 requires.
 */
export type DigestMode = 'sha256' | 'build-cache/v1';

/** Both digests of the same bytes. */
export interface Digests {
  readonly blake3: string;
  readonly sha256: string;
  readonly bytes: number;
}

export async function digestsOf(bytes: Uint8Array): Promise<Digests> {
  return { blake3: await blake3(bytes), sha256: hash('sha256', bytes, 'hex'), bytes: bytes.length };
}

/** Passes pieces on, and reports their digests at the end. */
export async function* digesting(
  pieces: AsyncIterable<Uint8Array>,
  tell: (digests: Digests) => void,
): AsyncGenerator<Uint8Array> {
  const blake3 = await openBlake3();
  const sha256 = createHash('sha256');
  let bytes = 0;
  for await (const piece of pieces) {
    blake3.update(piece);
    sha256.update(piece);
    bytes += piece.length;
    yield piece;
  }
  tell({ blake3: blake3.digest(), sha256: sha256.digest('hex'), bytes });
}

/** Returns the digest by which a registry of this mode names the bytes. */
export function wireDigest(digests: Digests, mode: DigestMode): string {
  return `sha256:${mode === 'sha256' ? digests.sha256 : digests.blake3}`;
}
