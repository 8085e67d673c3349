import type { IHasher } from 'hash-wasm';

/** A running BLAKE3-256. The caller owns it until `digest`, after which it may be reused. */
export interface Blake3 {
  update(bytes: Uint8Array): void;
  /** Returns 64 lower-case hex digits. The hasher must not be used afterwards. */
  digest(): string;
}

// A hasher of hash-wasm has one state, so two streams that shared one would give wrong digests. Each stream takes its
// own.
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

/** The library is imported on first use, because a runtime without bundles does not need it. */
async function makeHasher(): Promise<IHasher> {
  const { createBLAKE3 } = await import('hash-wasm');
  return createBLAKE3();
}

/** Returns the BLAKE3-256 of `bytes` in hex. */
export async function blake3(bytes: Uint8Array): Promise<string> {
  const hasher = await openBlake3();
  hasher.update(bytes);
  return hasher.digest();
}
