import { ByteWriter } from '#wasm';
import { Op } from './opcode.ts';

/** A counter that no budget reaches: whoever reads it asks the tank, which answers with a trap. */
export const SPENT: number = -(2 ** 62);

/** The functions that reach the cell; numbers are exact up to 2^53, and so is `SPENT`. */
interface Access {
  readonly put: (fuel: number) => void;
  readonly get: () => number;
  /** What was in it; what is in it then is `SPENT`. */
  readonly take: () => number;
}

/**
 * The one counter that all metered instances of a thread count in. A thread runs one guest at a time, so it is whoever
 * runs that owns what is in it, and between calls it is spent. One cell stays in the processor's cache where a thousand
 * would not, and functions of wasm reach it without making a BigInt.
 */
export interface FuelCell extends Access {
  readonly global: WebAssembly.Global<'i64'>;
}

let cell: FuelCell | undefined;

export function fuelCell(): FuelCell {
  if (cell === undefined) {
    const global = new WebAssembly.Global({ value: 'i64', mutable: true }, BigInt(SPENT));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()), { '': { '': global } });
    const { put, get, take } = exports as unknown as Access;
    cell = { global, put, get, take };
  }
  return cell;
}

/** Types and operators of the module; `wasm` names what it is. */
const [I64, F64] = [0x7e, 0x7c];
const TO_F64 = 0xb9;
const TO_I64 = [Op.misc, 6];

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter().raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const section = (id: number, payload: Uint8Array): void => {
    out.u8(id).u32(payload.length).raw(payload);
  };
  section(1, Uint8Array.of(2, 0x60, 1, F64, 0, 0x60, 0, 1, F64));
  section(2, Uint8Array.of(1, 0, 0, 3, I64, 1));
  section(3, Uint8Array.of(3, 0, 1, 1));
  const names = new ByteWriter().u8(3);
  for (const [index, name] of ['put', 'get', 'take'].entries()) names.name(name).u8(0).u32(index);
  section(7, names.view());
  const spent = new ByteWriter().u8(Op.i64Const).s64(BigInt(SPENT)).view();
  const get = [Op.globalGet, 0, TO_F64];
  const bodies = [
    Uint8Array.of(0, Op.localGet, 0, ...TO_I64, Op.globalSet, 0, Op.end),
    Uint8Array.of(0, ...get, Op.end),
    Uint8Array.of(0, ...get, ...spent, Op.globalSet, 0, Op.end),
  ];
  const code = new ByteWriter().u8(bodies.length);
  for (const body of bodies) code.u32(body.length).raw(body);
  section(10, code.view());
  return new Uint8Array(out.view());
}
