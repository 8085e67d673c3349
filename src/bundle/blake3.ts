import type { IHasher } from 'hash-wasm';

/** A running BLAKE3-256. It is one's own until `digest`, after which another may get the same machine. */
export interface Blake3 {
  update(bytes: Uint8Array): void;
  /** 64 lower-case hex digits; ends the use of this hasher. */
  digest(): string;
}

// A hasher of hash-wasm has one state: two streams that share one would give wrong digests. Each stream takes its own.
const idle: IHasher[] = [];

export async function openBlake3(): Promise<Blake3> {
  const hasher = (idle.pop() ?? (await makeHasher())).init();
  return {
    update: (bytes) => void hasher.update(bytes),
    digest: () => {
      const hex = hasher.digest('hex');
      idle.push(hasher);
      return hex;
    },
  };
}

/** Loaded on use: a runtime that carries no bundle has no need of it. */
async function makeHasher(): Promise<IHasher> {
  const { createBLAKE3 } = await import('hash-wasm');
  return createBLAKE3();
}

/** BLAKE3-256 of `bytes` in hex. */
export async function blake3(bytes: Uint8Array): Promise<string> {
  const hasher = await openBlake3();
  hasher.update(bytes);
  return hasher.digest();
}
