import type { coreModule } from '#wasm';
import { entryBytes } from '../object-size.ts';
import { EMPTY, I32, I64, Misc, Op } from '../opcode.ts';
import { AppendedBody } from './appended-functions.ts';
import type { IndexSpaces } from './index-spaces.ts';
import { refillLocal } from './wrapper-code.ts';

const PAGE = 65_536;
const COUNTER = Uint8Array.of(I64);

/** Wraps `memory.grow`: the tank may refuse the growth; a successful one costs 1 for each page. */
export function growMemory(assembly: IndexSpaces, memory: number): number {
  const is64 = assembly.module.memories[memory]?.is64 === true;
  return growing(assembly, { name: `memory.grow ${memory}`, before: [], is64, unitBytes: PAGE }, (code) =>
    code.get(0).u8(Op.memoryGrow).u32(memory),
  );
}

/** Wraps `table.grow`: the tank may refuse the growth; a successful one costs 1 for each element. */
export function growTable(assembly: IndexSpaces, table: number): number {
  const { element, limits } = assembly.module.tables[table] as coreModule.TableType;
  const growth = {
    name: `table.grow ${table}`,
    before: [element.bytes],
    is64: limits.is64,
    unitBytes: entryBytes(element),
  };
  return growing(assembly, growth, (code) => code.get(0).get(1).operators(Op.misc, Misc.tableGrow).u32(table));
}

interface Growth {
  readonly name: string;
  /** The parameters that stand before the count. */
  readonly before: readonly Uint8Array[];
  readonly is64: boolean;
  readonly unitBytes: number;
}

/** The function's type is (…, count, counter) -> (result, counter). */
function growing(
  assembly: IndexSpaces,
  { name, before, is64, unitBytes }: Growth,
  grow: (code: AppendedBody) => void,
): number {
  const size = Uint8Array.of(is64 ? I64 : I32);
  const type = assembly.types.index([...before, size, COUNTER], [size, COUNTER]);
  const [count, counter, result] = [before.length, before.length + 1, before.length + 2];
  const constant = is64 ? Op.i64Const : Op.i32Const;
  return assembly.appended.index(name, type, () => {
    const code = new AppendedBody().operators(1, 1, is64 ? I64 : I32);
    const ask = (factor: number): void => {
      code.get(count).operators(is64 ? Op.f64ConvertI64U : Op.f64ConvertI32U, Op.f64Const);
      code
        .raw(new Uint8Array(new Float64Array([factor]).buffer))
        .u8(Op.f64Mul)
        .call(assembly.grow);
    };
    const refuse = [constant, 0x7f, Op.localGet, counter, Op.return, Op.end];
    refillLocal(assembly, code, counter);
    ask(unitBytes);
    code.operators(Op.i32Eqz, Op.if, EMPTY, ...refuse);
    grow(code);
    code.operators(Op.localTee, result, constant, 0x7f, is64 ? Op.i64Eq : Op.i32Eq, Op.if, EMPTY);
    ask(-unitBytes);
    code.operators(Op.drop, ...refuse);
    code.get(counter).get(count);
    if (!is64) code.u8(Op.i64ExtendI32U);
    code.u8(Op.i64Sub).set(counter);
    return refillLocal(assembly, code, counter).get(result).get(counter).end();
  });
}
