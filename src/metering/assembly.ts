import { ByteWriter, type coreModule } from '#wasm';
import { MeteringError } from './errors.ts';
import { EMPTY, F64, I32, I64, Op } from './opcode.ts';

/** The module name of everything that metering imports and, with a dot, the start of what it exports. */
export const NAMESPACE = 'vivarium:metering';

/** What a metered module imports, in this order, behind its own imports. */
export const HOOKS = {
  functions: ['refill', 'room', 'grow', 'allocate'],
  globals: ['fuel', 'heap'],
} as const;

/** A function that metering appends. */
interface Helper {
  readonly name: string;
  readonly type: number;
  body: Uint8Array;
}

const bytesOf = (...types: number[]): Uint8Array[] => types.map((type) => Uint8Array.of(type));

/**
 * The index spaces of the metered module. Hooks stand behind the module's own imports, so that what it defines moves
 * up by their number; helper functions and types are appended when first asked for.
 */
export class Assembly {
  readonly module: coreModule.CoreModule;
  readonly fuel: number;
  readonly heap: number;
  readonly refill: number;
  readonly room: number;
  readonly grow: number;
  readonly allocate: number;
  readonly types: Uint8Array[] = [];
  readonly helpers: Helper[] = [];
  /** Wrappers of imports that are referred to by `ref.func`; they must be declared in an element segment. */
  readonly declared = new Set<number>();
  readonly #typeIndices = new Map<string, number>();
  readonly #helperIndices = new Map<string, number>();

  constructor(module: coreModule.CoreModule) {
    this.module = module;
    const hooks = module.imported.function;
    [this.refill, this.room, this.grow, this.allocate] = [hooks, hooks + 1, hooks + 2, hooks + 3];
    this.fuel = module.imported.global;
    this.heap = module.imported.global + 1;
  }

  functionIndex(index: number): number {
    return index < this.module.imported.function ? index : index + HOOKS.functions.length;
  }

  globalIndex(index: number): number {
    return index < this.module.imported.global ? index : index + HOOKS.globals.length;
  }

  /** What a reference to this function refers to: an import is reached through a wrapper that asks the tank first. */
  reference(index: number): number {
    if (index >= this.module.imported.function) return this.functionIndex(index);
    const wrapper = this.importWrapper(index, true);
    this.declared.add(wrapper);
    return wrapper;
  }

  functionType(index: number): coreModule.FunctionType {
    return this.typeAt(this.module.functions[index] as number);
  }

  typeAt(index: number): coreModule.FunctionType {
    const type = this.module.types[index];
    if (type?.kind !== 'function') throw new MeteringError('METERING_INVALID_MODULE', `type ${index} is no function`);
    return type;
  }

  /** The index of a function type, appended when it is new. */
  typeIndex(parameters: readonly Uint8Array[], results: readonly Uint8Array[]): number {
    const key = `${parameters.join(';')}>${results.join(';')}`;
    const known = this.#typeIndices.get(key);
    if (known !== undefined) return known;
    const writer = new ByteWriter(16).u8(0x60);
    for (const list of [parameters, results]) {
      writer.u32(list.length);
      for (const type of list) writer.raw(type);
    }
    const index = this.module.types.length + this.types.length;
    this.types.push(writer.finish());
    this.#typeIndices.set(key, index);
    return index;
  }

  hookTypes(): number[] {
    const refill = this.typeIndex(bytesOf(I64), bytesOf(I64));
    return [refill, this.typeIndex([], []), this.typeIndex(bytesOf(F64), bytesOf(I32)), refill];
  }

  /** Asks the tank for more when the counter on the stack is below zero, and traps where it refuses. */
  refillHelper(): number {
    const type = this.typeIndex(bytesOf(I64), bytesOf(I64));
    return this.#helper('refill', type, () => this.#orTrap(new ByteWriter().u8(0), this.refill).u8(Op.end).finish());
  }

  /** Charges the bytes on the stack to the store's memory before an allocation. */
  allocateHelper(): number {
    const type = this.typeIndex(bytesOf(I64), []);
    return this.#helper('allocate', type, () => {
      const code = new ByteWriter().u8(0).u8(Op.globalGet).u32(this.heap);
      code.raw(Uint8Array.of(Op.localGet, 0, Op.i64Sub, Op.localTee, 0, Op.i64Const, 0, Op.i64LtS, Op.if, EMPTY));
      this.#orTrap(code, this.allocate).raw(Uint8Array.of(Op.localSet, 0, Op.end));
      return code
        .raw(Uint8Array.of(Op.localGet, 0, Op.globalSet))
        .u32(this.heap)
        .u8(Op.end)
        .finish();
    });
  }

  /** Calls an import between two looks at the budget, with room left on the stack for the host. */
  importWrapper(index: number, tail = false): number {
    const typeIndex = this.module.functions[index] as number;
    const type = this.functionType(index);
    return this.#helper(`${tail ? 'reference' : 'import'} ${index}`, typeIndex, () => {
      const code = new ByteWriter().u8(0);
      this.#check(code);
      code.u8(Op.call).u32(this.room);
      for (let n = 0; n < type.parameters.length; n++) code.u8(Op.localGet).u32(n);
      code.u8(tail ? Op.returnCall : Op.call).u32(index);
      if (!tail) this.#check(code);
      return code.u8(Op.end).finish();
    });
  }

  /** Runs the start function. */
  startHelper(index: number): number {
    const callee = index < this.module.imported.function ? this.importWrapper(index) : this.functionIndex(index);
    return this.#helper('start', this.typeIndex([], []), () =>
      new ByteWriter().u8(0).u8(Op.call).u32(callee).u8(Op.end).finish(),
    );
  }

  /** `memory.grow` that the tank may refuse: 1 a page, once it succeeded. */
  memoryGrow(memory: number): number {
    const is64 = this.module.memories[memory]?.is64 === true;
    const size = Uint8Array.of(is64 ? I64 : I32);
    const type = this.typeIndex([size], [size]);
    return this.#helper(`memory.grow ${memory}`, type, () =>
      this.#growing(is64, 0, 65536, new ByteWriter().u8(Op.localGet).u8(0).u8(Op.memoryGrow).u32(memory)),
    );
  }

  /** `table.grow` that the tank may refuse: 1 an element, once it succeeded. */
  tableGrow(table: number): number {
    const { element, limits } = this.module.tables[table] as coreModule.TableType;
    const size = Uint8Array.of(limits.is64 ? I64 : I32);
    const type = this.typeIndex([element.bytes, size], [size]);
    const grow = new ByteWriter().raw(Uint8Array.of(Op.localGet, 0, Op.localGet, 1, Op.misc, 15)).u32(table);
    return this.#helper(`table.grow ${table}`, type, () => this.#growing(limits.is64, 1, entryBytes(element), grow));
  }

  #growing(is64: boolean, count: number, unitBytes: number, grow: ByteWriter): Uint8Array {
    const type = is64 ? I64 : I32;
    const result = count + 1;
    const constant = is64 ? Op.i64Const : Op.i32Const;
    const code = new ByteWriter().raw(Uint8Array.of(1, 1, type));
    const ask = (factor: number): void => {
      const bytes = new Uint8Array(new Float64Array([factor]).buffer);
      code
        .u8(Op.localGet)
        .u8(count)
        .u8(is64 ? Op.f64ConvertI64U : Op.f64ConvertI32U);
      code.u8(Op.f64Const).raw(bytes).u8(Op.f64Mul).u8(Op.call).u32(this.grow);
    };
    this.#check(code);
    ask(unitBytes);
    code.raw(Uint8Array.of(Op.i32Eqz, Op.if, EMPTY, constant, 0x7f, Op.return, Op.end));
    code.raw(grow.view()).u8(Op.localTee).u8(result);
    code.raw(Uint8Array.of(constant, 0x7f, is64 ? Op.i64Eq : Op.i32Eq, Op.if, EMPTY));
    ask(-unitBytes);
    code.raw(Uint8Array.of(Op.drop, constant, 0x7f, Op.return, Op.end));
    code.u8(Op.globalGet).u32(this.fuel).u8(Op.localGet).u8(count);
    if (!is64) code.u8(Op.i64ExtendI32U);
    code.u8(Op.i64Sub).u8(Op.globalSet).u32(this.fuel);
    this.#check(code);
    return code.u8(Op.localGet).u8(result).u8(Op.end).finish();
  }

  /** `if (fuel < 0) fuel = refill(fuel)` on the shared counter. */
  #check(code: ByteWriter): void {
    code
      .u8(Op.globalGet)
      .u32(this.fuel)
      .raw(Uint8Array.of(Op.i64Const, 0, Op.i64LtS, Op.if, EMPTY));
    code.u8(Op.globalGet).u32(this.fuel).u8(Op.call).u32(this.refillHelper());
    code.u8(Op.globalSet).u32(this.fuel).u8(Op.end);
  }

  /** Gives local 0 to a hook; leaves what it answers on the stack, and traps where that is negative. */
  #orTrap(code: ByteWriter, hook: number): ByteWriter {
    code.u8(Op.localGet).u8(0).u8(Op.call).u32(hook);
    code.raw(Uint8Array.of(Op.localTee, 0, Op.i64Const, 0, Op.i64LtS, Op.if, EMPTY, Op.unreachable, Op.end));
    return code.raw(Uint8Array.of(Op.localGet, 0));
  }

  #helper(name: string, type: number, body: () => Uint8Array): number {
    const known = this.#helperIndices.get(name);
    if (known !== undefined) return known;
    const index = this.module.functions.length + HOOKS.functions.length + this.helpers.length;
    this.#helperIndices.set(name, index);
    const helper: Helper = { name: `${NAMESPACE}.${name}`, type, body: new Uint8Array() };
    this.helpers.push(helper);
    helper.body = body();
    return index;
  }
}

/** Bytes that V8 takes for a table's entry: a function reference is a structure, another a compressed pointer. */
export function entryBytes(element: coreModule.ValueType): number {
  const code = element.bytes[0] as number;
  const heap = code === 0x63 || code === 0x64 ? (element.bytes[1] as number) : code;
  const isFunction = heap === 0x70 || heap === 0x73 || (code !== heap && heap < 0x40) || heap >= 0x80;
  return isFunction ? 32 : 8;
}
