import { EFFECTS, Effect, SHAPE, SHAPES } from '#metering/operators';
import { coreModule } from '#wasm';
import type { MeteredBody } from './metered-body.ts';

const { size: SIZE, costShift: COST_SHIFT, localShift: LOCAL_SHIFT, globalShift: GLOBAL_SHIFT } = SHAPE;

/**
 * Copies operators that only compute, up to the first that does more. Metering spends most of its time here, so three
 * bytes are copied whatever the operator is, and indices move without a branch. The inner loop contains no call and no
 * other loop, so that V8 checks its array bounds once.
 */
export function copyPlainOperators(body: MeteredBody): void {
  const { bytes, reader, shift } = body;
  const shapes = SHAPES;
  const lastParameter = body.parameters - 1;
  const movedGlobals = body.assembly.addedGlobals.length;
  const lastImported = body.importedGlobals - 1;
  let { position } = reader;
  let cost = 0;
  for (;;) {
    // The inner loop never makes an operator longer.
    body.reserve(reader.end - position);
    const { out } = body;
    let { length } = body;
    let opcode: number;
    let shape: number;
    for (;;) {
      opcode = bytes[position] as number;
      shape = shapes[opcode] as number;
      if (shape === 0) break;
      const second = bytes[position + 1] as number;
      const third = bytes[position + 2] as number;
      const isMovedLocal = ((lastParameter - second) >>> 31) & (shape >>> LOCAL_SHIFT) & shift;
      const isMovedGlobal = ((lastImported - second) >>> 31) & (shape >>> GLOBAL_SHIFT) & 1;
      const moved = second + isMovedLocal + isMovedGlobal * movedGlobals;
      if (((((second | moved) << 8) | (third << 16)) & shape & 0xffff00) !== 0) break;
      out[length] = opcode;
      out[length + 1] = moved;
      out[length + 2] = third;
      length += shape & SIZE;
      position += shape & SIZE;
      cost += (shape >>> COST_SHIFT) & 1;
    }
    body.length = length;
    reader.position = position;
    if (shape === 0) break;
    cost += (shape >>> COST_SHIFT) & 1;
    copyLong(body, opcode);
    position = reader.position;
  }
  if (body.cost === 0) body.unseen += cost;
  else body.deferred += cost;
}

/** Copies an operator whose immediate takes more than one byte before or after its index moves. */
function copyLong(body: MeteredBody, opcode: number): void {
  const { reader } = body;
  const at = reader.position++;
  const effect = EFFECTS[opcode];
  if (effect === Effect.local) {
    const index = reader.leb();
    body.indexed(opcode, index < body.parameters ? index : index + body.shift);
  } else if (effect === Effect.global) {
    body.indexed(opcode, body.assembly.globalIndex(reader.leb()));
  } else {
    reader.skipKind(coreModule.PLAIN[opcode] as number, opcode, at);
    body.copy(at);
  }
}
