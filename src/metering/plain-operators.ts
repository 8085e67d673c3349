import { coreModule } from '#wasm';
import { SLACK as SL } from './code-writer.ts';
import { HOOKS } from './hooks.ts';
import type { MeteredBody } from './metered-body.ts';
import { Op as Opcodes } from './opcode.ts';
import { COST_SHIFT as CS, GLOBAL_SHIFT as GS, LOCAL_SHIFT as LS, SHAPES, SIZE as SZ } from './operator-shape.ts';

const COST_SHIFT = CS;
const GLOBAL_SHIFT = GS;
const LOCAL_SHIFT = LS;
const SIZE = SZ;

const Op = Opcodes;

const SLACK = SL;
const MOVED_GLOBALS = HOOKS.globals.length;
const MOVES = (1 << LOCAL_SHIFT) | (1 << GLOBAL_SHIFT);

/**
 * Copies operators that do nothing but compute, up to the first that does more. Most of the time of metering is spent
 * here: three bytes are copied whatever the operator is, and indices move without a branch.
 */
export function copyPlainOperators(body: MeteredBody): void {
  const { bytes, reader, shift } = body;
  const shapes = SHAPES;
  const lastParameter = body.parameters - 1;
  const lastImported = body.importedGlobals - 1;
  body.reserve(0);
  let { out, length } = body;
  let limit = out.length - SLACK;
  let { position } = reader;
  let cost = 0;
  for (;;) {
    const opcode = bytes[position] as number;
    const shape = shapes[opcode] as number;
    if (!shape) break;
    const third = bytes[position + 2] as number;
    const second = bytes[position + 1] as number;
    const isMovedLocal = ((lastParameter - second) >>> 31) & (shape >>> LOCAL_SHIFT) & shift;
    const isMovedGlobal = ((lastImported - second) >>> 31) & (shape >>> GLOBAL_SHIFT) & 1;
    const moved = second + isMovedLocal + isMovedGlobal * MOVED_GLOBALS;
    if (((((second | moved) << 8) | (third << 16)) & shape & 0xffff00) === 0) {
      out[length] = opcode;
      out[length + 1] = moved;
      out[length + 2] = third;
      length += shape & SIZE;
      position += shape & SIZE;
    } else if ((shape & MOVES) === 0 && (shape & SIZE) === 2) {
      // A constant of more than one byte.
      let byte = opcode;
      out[length++] = byte;
      do {
        byte = bytes[++position] as number;
        out[length++] = byte;
      } while (byte >= 0x80);
      position++;
    } else {
      body.length = length;
      reader.position = position;
      copyLong(body, opcode);
      out = body.out;
      limit = out.length - SLACK;
      length = body.length;
      position = reader.position;
    }
    cost += (shape >>> COST_SHIFT) & 1;
    if (length > limit) {
      body.length = length;
      body.reserve(0);
      out = body.out;
      limit = out.length - SLACK;
    }
  }
  body.pending += cost * body.cost;
  body.length = length;
  reader.position = position;
}

/** An operator with an immediate of more than one byte, or one that takes more when it has moved. */
function copyLong(body: MeteredBody, opcode: number): void {
  const { reader } = body;
  const at = reader.position++;
  if (opcode >= Op.localGet && opcode <= Op.localTee) {
    const index = reader.leb();
    body.indexed(opcode, index < body.parameters ? index : index + body.shift);
  } else if (opcode === Op.globalGet || opcode === Op.globalSet) {
    body.indexed(opcode, body.assembly.globalIndex(reader.leb()));
  } else {
    reader.skipKind(coreModule.PLAIN[opcode] as number, opcode, at);
    body.copy(at);
  }
}
