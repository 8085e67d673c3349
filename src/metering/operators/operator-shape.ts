import { coreModule } from '#wasm';
import { Effect } from './operator-classes.ts';
import { EFFECTS } from './operator-effects.ts';

const { Immediate, PLAIN } = coreModule;

const LAST_NUMERIC = 0xc4;
const COST = 1 << 24;
const IS_LOCAL = 1 << 25;
const IS_GLOBAL = 1 << 26;

/**
 * How operators that do nothing but compute are stepped over without looking at what they are. A shape packs
 * - bits 0 to 7: their bytes, at most three, when each LEB128 in them takes one,
 * - bits 8 to 15 and 16 to 23: the bits of their second and third byte that say that it does not,
 * - bit 24: their cost, bits 25 and 26: whether the second byte is the index of a local or of a global.
 * It is 0 for every other operator.
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
      // The alignment's bit 6 says that a memory's index stands behind it.
      return kind === Immediate.memory ? COST | 0x80c003 : 0;
    default:
      return 0;
  }
});

/** Where a shape has what. */
export const SHAPE = { size: 0xff, costShift: 24, localShift: 25, globalShift: 26 } as const;
