import fc from 'fast-check';
import { ByteReader } from '#wasm';
import { KERNELS, kernelBytes } from '../../tools/kernels/index.ts';
import { BULK, LOOPS } from '../../tools/metering/endless.ts';
import { compileModule, type GeneratedModule, modulePlan } from '../../tools/metering/generator/index.ts';
import { meter } from '../../tools/metering/harness/metered.ts';
import { assemble } from '../../tools/metering/wat.ts';
import { SeededRandom } from './random.ts';

/**
 * `plain`: a program that ends. `endless`: its counters stand still. `mutated`: bytes of either changed at random, still
 * valid. `forged`: bytes of a metered module changed, handed in as if a guest's. `hostile` and `kernel`: bytes of a guest that
 * the tests hold, and of a benchmark's kernel, changed in the same way.
 */
export type Kind = 'plain' | 'endless' | 'mutated' | 'forged' | 'hostile' | 'kernel';

export interface Candidate {
  readonly kind: Kind;
  readonly generated: GeneratedModule;
}

const KINDS: readonly Kind[] = [
  ...(['plain', 'endless', 'endless', 'mutated', 'mutated', 'mutated'] as const),
  ...(['forged', 'hostile', 'hostile', 'kernel'] as const),
];

const HOSTILE: readonly Uint8Array[] = await Promise.all(
  [...LOOPS, ...BULK].map(([, text]) => assemble(`(module ${text})`)),
);

/** The candidate of a seed; the same one each time. */
export function candidateOf(seed: number): Candidate {
  const random = new SeededRandom(seed);
  const kind = random.pick(KINDS);
  if (kind === 'hostile' || kind === 'kernel') return { kind, generated: known(kind, random) };
  const plan = fc.sample(modulePlan(), { numRuns: 1, seed })[0]!;
  const generated = compileModule(plan, { endless: kind !== 'plain' && random.below(4) > 0 });
  if (kind === 'mutated') return { kind, generated: { ...generated, bytes: mutated(generated.bytes, random) } };
  if (kind === 'forged') {
    const { bytes } = meter.meterModule(generated.bytes, 'fuel');
    return { kind, generated: { ...generated, bytes: mutated(bytes, random) } };
  }
  return { kind, generated };
}

/** A module that somebody wrote or a compiler made, changed; most of it is what it was. */
function known(kind: 'hostile' | 'kernel', random: SeededRandom): GeneratedModule {
  const kernel = random.pick(KERNELS);
  const bytes = mutated(kind === 'kernel' ? kernelBytes(kernel) : random.pick(HOSTILE), random, DECLARATIONS);
  const run = { name: 'run', params: ['i32' as const], args: [1 + random.below(kernel.few)] };
  const host = { kind: 'function' as const, name: 'host', signature: { params: ['i32'], results: ['i32'] } as const };
  return { bytes, imports: [host], calls: [run, run], exports: [], used: new Set() };
}

/** Opcodes that jump, call, catch, grow or move, and numbers at the edges. */
const INTERESTING = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
  0x19, 0x1a, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x40, 0x41, 0x42, 0x6a, 0x6b, 0x7c, 0x7e, 0x7f, 0x80, 0xd0, 0xd2,
  0xfb, 0xfc, 0xfd, 0xff,
];

const ATTEMPTS = 400;

/** Some changes one upon another, each of which leaves the module valid. */
function mutated(bytes: Uint8Array, random: SeededRandom, kept = INTERFACE): Uint8Array {
  let best = bytes;
  let wanted = 1 + random.below(12);
  for (let attempt = 0; attempt < ATTEMPTS && wanted > 0; attempt++) {
    const changed = changedOnce(best, random, kept);
    if (!WebAssembly.validate(new Uint8Array(changed))) continue;
    best = changed;
    wanted--;
  }
  return best;
}

function changedOnce(bytes: Uint8Array, random: SeededRandom, kept: ReadonlySet<number>): Uint8Array {
  const changed = bytes.slice();
  const start = behind(bytes, kept);
  const at = start + random.below(bytes.length - start);
  switch (random.below(5)) {
    case 0:
      changed[at] = changed[at]! ^ (1 << random.below(8));
      return changed;
    case 1:
      changed[at] = random.pick(INTERESTING);
      return changed;
    case 2:
      changed[at] = random.below(256);
      return changed;
    case 3: {
      const length = 1 + random.below(12);
      const from = start + random.below(Math.max(1, bytes.length - start - length));
      changed.copyWithin(at, from, from + length);
      return changed;
    }
    default: {
      // Two neighbours change places: operators of one type often may.
      const next = Math.min(at + 1, changed.length - 1);
      [changed[at], changed[next]] = [changed[next]!, changed[at]!];
      return changed;
    }
  }
}

/** Sections of types and imports: those two alone decide whether the host can link the module. */
const INTERFACE: ReadonlySet<number> = new Set([0, 1, 2]);
/** All before the start section: in small modules most changes would take the export away that is called. */
const DECLARATIONS: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 6, 7, 13]);

/** Where the first section begins that is not one of `kept`. */
function behind(bytes: Uint8Array, kept: ReadonlySet<number>): number {
  const reader = new ByteReader(bytes, 8);
  while (!reader.done) {
    const start = reader.offset;
    if (!kept.has(reader.u8())) return start;
    reader.skip(reader.u32());
  }
  return 8;
}
