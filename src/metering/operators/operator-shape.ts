import { coreModule } from '#wasm';
import { Effect } from './operator-classes.ts';
import { EFFECTS } from './operator-effects.ts';

const { Immediate, PLAIN } = coreModule;

const LAST_NUMERIC = 0xc4;
const COST = 1 << 24;
const IS_LOCAL = 1 << 25;
const IS_GLOBAL = 1 << 26;

/**
 * Lets walkers step over operators that only compute without decoding them. A shape packs
 * - bits 0 to 7: the size of the operator, at most three bytes, when each of its LEB128 takes one byte,
 * - bits 8 to 15 and 16 to 23: the bits of its second and third byte that say that a LEB128 takes more,
 * - bit 24: its cost, bits 25 and 26: whether the second byte is the index of a local or of a global.
 * Every other operator has the shape 0.
 */
export const SHAPES: Int32Array = Int32Array.from(PLAIN, (kind, opcode) => {
  if (opcode > LAST_NUMERIC) return 0;
  switch (EFFECTS[opcode]) {
    case Effect.free:
      return kind === Immediate.none ? 1 : 0;
    case Effect.local:
      return COST | IS_LOCAL | 0x8002;
    case Effect.global:
      return COST | IS_GLOBAL | 0x8002;
    case Effect.plain:
      if (kind === Immediate.none) return COST | 1;
      if (kind === Immediate.leb) return COST | 0x8002;
      // Bit 6 of the alignment says that a memory index follows.
      return kind === Immediate.memory ? COST | 0x80c003 : 0;
    default:
      return 0;
  }
});

/** The position of each part in a shape. */
export const SHAPE = { size: 0xff, costShift: 24, localShift: 25, globalShift: 26 } as const;
