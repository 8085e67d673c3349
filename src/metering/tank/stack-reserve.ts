import { ByteWriter, coreModule } from '#wasm';
import { Op } from '../opcode.ts';
import { instantiateOwn } from './own-module.ts';

/** The bytes of stack that a host function can rely on, whatever the guest did before it called. */
const RESERVE_BYTES = 128 * 1024;
const SLOTS = RESERVE_BYTES / 8;

let room: (() => void) | undefined;

/**
 * Returns a wasm function with a frame of 128 KiB that returns at once. Metered code calls it before an import, so that
 * the stack overflows here, where no guest can catch the trap. Without it, the host's own code could throw an exception
 * that the guest catches.
 */
export function stackReserve(): () => void {
  room ??= instantiateOwn(sections()).room as () => void;
  return room;
}

/** `(func (if (global.get $never) (then …push SLOTS values, call, drop them…)) (call $nothing))` */
function sections(): (readonly [number, Uint8Array])[] {
  const room = new ByteWriter(SLOTS * 4 + 16).raw(Uint8Array.of(0, Op.globalGet, 0, Op.if, 0x40));
  room.raw(forEachSlot(Op.globalGet)).raw(Uint8Array.of(Op.call, 1)).raw(forEachSlot(Op.globalSet));
  room.raw(Uint8Array.of(Op.end, Op.call, 1, Op.end));
  const nothing = Uint8Array.of(0, Op.end);
  return [
    [1, Uint8Array.of(1, 0x60, 0, 0)],
    [3, Uint8Array.of(2, 0, 0)],
    [6, Uint8Array.of(2, 0x7f, 1, Op.i32Const, 0, Op.end, 0x7e, 1, Op.i64Const, 0, Op.end)],
    [7, new ByteWriter().u8(1).name('room').u8(0).u32(0).view()],
    [10, coreModule.writeBodies([room.view(), nothing])],
  ];
}

/**
 * Repeats an operator on global 1 for every slot. Every start makes this code, so its bytes are not written one by one.
 */
function forEachSlot(operator: number): Uint8Array {
  const bytes = new Uint8Array(SLOTS * 2);
  bytes.set([operator, 1]);
  for (let filled = 2; filled < bytes.length; filled *= 2) bytes.copyWithin(filled, 0, filled);
  return bytes;
}
