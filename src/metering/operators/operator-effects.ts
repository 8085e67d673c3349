import { coreModule } from '#wasm';
import { Op } from '../opcode.ts';
import { CLASSES, Effect, type OperatorClass, VARIES } from './operator-classes.ts';

const { GC, Immediate, MISC, OPERATORS, PLAIN, VECTOR } = coreModule;

interface Effects {
  /** The effects by opcode. */
  readonly effects: Uint8Array;
  /** The change of the operand stack's height by opcode, or `VARIES`. */
  readonly heights: Int8Array;
}

/** @param kinds what follows each opcode. An opcode without a row or a class stays `Effect.unknown`. */
function effectsOf(
  kinds: Uint8Array,
  rows: Readonly<Record<string, coreModule.OperatorRow>>,
  classes: Readonly<Record<string, OperatorClass>>,
): Effects {
  const effects = new Uint8Array(kinds.length);
  const heights = new Int8Array(kinds.length).fill(VARIES);
  for (const [name, [from, to]] of Object.entries(rows)) {
    const [effect, height] = classes[name] ?? [Effect.unknown, VARIES];
    effects.fill(effect, from, to + 1);
    heights.fill(height, from, to + 1);
  }
  for (const [opcode, kind] of kinds.entries()) if (kind === Immediate.unknown) effects[opcode] = Effect.unknown;
  return { effects, heights };
}

const plain = effectsOf(PLAIN, OPERATORS.plain, CLASSES.plain);
const gc = effectsOf(GC, OPERATORS.gc, CLASSES.gc);
const misc = effectsOf(MISC, OPERATORS.misc, CLASSES.misc);
const vector = effectsOf(VECTOR, OPERATORS.vector, CLASSES.vector);

/** The effect of each one-byte operator. */
export const EFFECTS: Uint8Array = plain.effects;
export const HEIGHTS: Int8Array = plain.heights;

/** Returns the effect of the operator `sub` behind a prefix, or `Effect.unknown`. */
export function effectBehind(prefix: number, sub: number): number {
  return behind(prefix)?.effects[sub] ?? Effect.unknown;
}

/** Returns by how much that operator changes the height of the operand stack, or `VARIES`. */
export function heightBehind(prefix: number, sub: number): number {
  return behind(prefix)?.heights[sub] ?? VARIES;
}

function behind(prefix: number): Effects | undefined {
  switch (prefix) {
    case Op.gc:
      return gc;
    case Op.misc:
      return misc;
    case Op.vector:
      return vector;
    default:
      return undefined;
  }
}
