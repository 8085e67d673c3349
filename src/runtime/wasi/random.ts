import type { Random } from '#core/ports/random';
import type { HostLinker, HostState } from '#runtime/host';
import { RuntimeError } from '../errors.ts';

/** The most bytes of one call, because more would make the host work much for little fuel. */
const MAX_BYTES = 64n * 1024n;

/**
 * Defines `wasi:random`, 0.2 and 0.3. The insecure interfaces return secure numbers too, because worse ones would gain nothing.
 */
export function defineRandom(linker: HostLinker, random: Random): void {
  const bytes = (_: HostState, length: bigint): Uint8Array => {
    if (length > MAX_BYTES) {
      throw new RuntimeError(
        'RUNTIME_TRAP',
        `${length} random bytes asked for in one call; ask for at most ${MAX_BYTES}`,
      );
    }
    return random.bytes(Number(length));
  };
  const u64 = (): bigint => new DataView(Uint8Array.from(random.bytes(8)).buffer).getBigUint64(0, true);

  // The seed is one value of an instance, for its hash maps.
  const seeds = new WeakMap<HostState, readonly [bigint, bigint]>();
  const seed = (caller: HostState): [bigint, bigint] => {
    const kept = seeds.get(caller) ?? [u64(), u64()];
    seeds.set(caller, kept);
    return [...kept];
  };

  // Version 0.3 permits fewer bytes than were asked for.
  const some = (caller: HostState, most: bigint): Uint8Array => bytes(caller, most < MAX_BYTES ? most : MAX_BYTES);

  linker.define('wasi:random/random@0.2.0', { getRandomBytes: bytes, getRandomU64: u64 });
  linker.define('wasi:random/insecure@0.2.0', { getInsecureRandomBytes: bytes, getInsecureRandomU64: u64 });
  linker.define('wasi:random/insecure-seed@0.2.0', { insecureSeed: seed });
  linker.define('wasi:random/random@0.3.0', { getRandomBytes: some, getRandomU64: u64 });
  linker.define('wasi:random/insecure@0.3.0', { getInsecureRandomBytes: some, getInsecureRandomU64: u64 });
  linker.define('wasi:random/insecure-seed@0.3.0', { getInsecureSeed: seed });
}
