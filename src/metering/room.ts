import { ByteWriter } from '#wasm';
import { Op } from './opcode.ts';

/** Bytes of stack that a host function finds free, whatever the guest did before it called. */
const ROOM_BYTES = 128 * 1024;
const SLOTS = ROOM_BYTES / 8;

let room: (() => void) | undefined;

/**
 * A wasm function with a frame of 128 KiB that returns at once. Called before an import, it lets the stack overflow
 * here, where no guest can catch it, and not in the host's own code, which would throw what a guest catches.
 */
export function roomForHost(): () => void {
  if (room === undefined) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()));
    room = exports.room as () => void;
  }
  return room;
}

/** `(func (if (global.get $never) (then …push SLOTS values, call, drop them…)) (call $nothing))` */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const room = new ByteWriter(SLOTS * 4 + 16).raw(Uint8Array.of(0, Op.globalGet, 0, Op.if, 0x40));
  room.raw(forEachSlot(Op.globalGet)).raw(Uint8Array.of(Op.call, 1)).raw(forEachSlot(Op.globalSet));
  room.raw(Uint8Array.of(Op.end, Op.call, 1, Op.end));
  const nothing = Uint8Array.of(0, Op.end);
  const out = new ByteWriter().raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const section = (id: number, payload: Uint8Array): void => {
    out.u8(id).u32(payload.length).raw(payload);
  };
  section(1, Uint8Array.of(1, 0x60, 0, 0));
  section(3, Uint8Array.of(2, 0, 0));
  section(6, Uint8Array.of(2, 0x7f, 1, Op.i32Const, 0, Op.end, 0x7e, 1, Op.i64Const, 0, Op.end));
  section(7, new ByteWriter().u8(1).name('room').u8(0).u32(0).view());
  const code = new ByteWriter(room.length + 16)
    .u32(2)
    .u32(room.length)
    .raw(room.view())
    .u32(nothing.length)
    .raw(nothing);
  section(10, code.view());
  return new Uint8Array(out.view());
}

/** An operator on global 1 for every slot. Every start makes it, so its bytes are not written one by one. */
function forEachSlot(operator: number): Uint8Array {
  const bytes = new Uint8Array(SLOTS * 2);
  bytes.set([operator, 1]);
  for (let filled = 2; filled < bytes.length; filled *= 2) bytes.copyWithin(filled, 0, filled);
  return bytes;
}
