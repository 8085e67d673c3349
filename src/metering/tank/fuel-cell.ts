import { ByteWriter, coreModule } from '#wasm';
import { F64, I64, Misc, Op } from '../opcode.ts';
import { instantiateOwn } from './own-module.ts';

/** A counter that every check finds spent: the check asks the tank, which answers with a trap. */
export const SPENT: number = -(2 ** 62);

/** The functions that access the cell. Numbers are exact up to 2^53, and `SPENT` is exact too. */
interface Access {
  readonly put: (fuel: number) => void;
  readonly get: () => number;
  /** Returns the value of the cell and replaces it by `SPENT`. */
  readonly take: () => number;
}

/**
 * The one counter of all metered instances of a thread. A thread runs one guest at a time, so the running guest owns
 * the value, and between calls the value is `SPENT`. One cell stays in the processor's cache, where a thousand would
 * not, and wasm functions access it without making a BigInt.
 */
export interface FuelCell extends Access {
  readonly global: WebAssembly.Global<'i64'>;
}

let cell: FuelCell | undefined;

export function fuelCell(): FuelCell {
  if (cell === undefined) {
    const global = new WebAssembly.Global({ value: 'i64', mutable: true }, BigInt(SPENT));
    const { put, get, take } = instantiateOwn(sections(), { '': { '': global } });
    cell = { global, put: put as Access['put'], get: get as Access['get'], take: take as Access['take'] };
  }
  return cell;
}

function sections(): (readonly [number, Uint8Array])[] {
  const names = new ByteWriter().u8(3);
  for (const [index, name] of ['put', 'get', 'take'].entries()) names.name(name).u8(0).u32(index);
  const spent = new ByteWriter().u8(Op.i64Const).s64(BigInt(SPENT)).view();
  const get = [Op.globalGet, 0, Op.f64ConvertI64S];
  return [
    [1, Uint8Array.of(2, 0x60, 1, F64, 0, 0x60, 0, 1, F64)],
    [2, Uint8Array.of(1, 0, 0, 3, I64, 1)],
    [3, Uint8Array.of(3, 0, 1, 1)],
    [7, names.view()],
    [
      10,
      coreModule.writeBodies([
        Uint8Array.of(0, Op.localGet, 0, Op.misc, Misc.i64TruncSatF64S, Op.globalSet, 0, Op.end),
        Uint8Array.of(0, ...get, Op.end),
        Uint8Array.of(0, ...get, ...spent, Op.globalSet, 0, Op.end),
      ]),
    ],
  ];
}
