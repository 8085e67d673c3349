import { ByteWriter, type coreModule } from '#wasm';
import type { BranchHint } from './branch-hints.ts';
import { MeteringError } from './errors.ts';
import { NAMESPACE } from './metadata.ts';
import { entryBytes } from './object-size.ts';
import { EMPTY, F64, I32, I64, Misc, Op } from './opcode.ts';
import type { FunctionPlan, ModulePlan } from './plan.ts';

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
  /** Offsets count from the beginning of the body. */
  hints: readonly BranchHint[];
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
  /** What bodies refer to by `ref.func`; it must be declared in an element segment. */
  readonly declared = new Set<number>();
  readonly plan: ModulePlan;
  #hints: BranchHint[] = [];
  readonly #registerTypes: number[] = [];
  readonly #typeIndices = new Map<string, number>();
  readonly #helperIndices = new Map<string, number>();

  constructor(module: coreModule.CoreModule, plan: ModulePlan) {
    this.module = module;
    this.plan = plan;
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

  /** What the outside, and references, hold of a function: one of the module's own types that takes the counter from the cell. */
  reference(index: number): number {
    const convention = this.plan.functions[index]?.convention;
    if (convention === 'cell') return this.functionIndex(index);
    return convention === undefined ? this.#importReference(index) : this.#entry(index);
  }

  /** A reference in a body, which must be declared elsewhere. */
  declaredReference(index: number): number {
    const reference = this.reference(index);
    this.declared.add(reference);
    return reference;
  }

  /** What an export of a function is. An import that is exported again stays what it is. */
  exported(index: number): number {
    return index < this.module.imported.function ? index : this.reference(index);
  }

  /** What a private table holds of a function: one of the `register` convention that looks at the budget. */
  registered(index: number): number {
    const convention = this.plan.functions[index]?.convention;
    if (convention === 'register') return this.functionIndex(index);
    return convention === undefined ? this.importWrapper(index) : this.#adapter(index);
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

  /** A type with the counter as one more parameter and one more result. */
  registerType(index: number): number {
    const known = this.#registerTypes[index];
    if (known !== undefined) return known;
    const { parameters, results } = this.typeAt(index);
    const counter = Uint8Array.of(I64);
    const bytes = ({ bytes }: coreModule.ValueType): Uint8Array => bytes;
    const type = this.typeIndex([...parameters.map(bytes), counter], [...results.map(bytes), counter]);
    this.#registerTypes[index] = type;
    return type;
  }

  /**
   * Calls an import between two looks at the budget, with room left on the stack for the host; `register` convention.
   * `hasRoom`: the caller has seen to the room.
   */
  importWrapper(index: number, hasRoom = false): number {
    const typeIndex = this.module.functions[index] as number;
    const counter = this.functionType(index).parameters.length;
    return this.#helper(`import ${index}${hasRoom ? ' in a loop' : ''}`, this.registerType(typeIndex), () => {
      const code = new ByteWriter().u8(0);
      this.#checkLocal(code, counter);
      code.u8(Op.localGet).u32(counter).u8(Op.globalSet).u32(this.fuel);
      if (!hasRoom) code.u8(Op.call).u32(this.room);
      this.#pass(code, counter).u8(Op.call).u32(index);
      code.u8(Op.globalGet).u32(this.fuel).u8(Op.localSet).u32(counter);
      this.#checkLocal(code, counter);
      return code.u8(Op.localGet).u32(counter).u8(Op.end).finish();
    });
  }

  /** What references hold of an import: of its own type, and a tail call, so that rings through several modules stay flat. */
  #importReference(index: number): number {
    const typeIndex = this.module.functions[index] as number;
    return this.#helper(`reference ${index}`, typeIndex, () => {
      const code = new ByteWriter().u8(0);
      this.#check(code);
      code.u8(Op.call).u32(this.room);
      return this.#pass(code, this.functionType(index).parameters.length)
        .u8(Op.returnCall)
        .u32(index)
        .u8(Op.end)
        .finish();
    });
  }

  /** The way into a function of the `register` convention, or one that is untouched, for whoever has the counter in the cell. */
  #entry(index: number): number {
    const typeIndex = this.module.functions[index] as number;
    const plan = this.plan.functions[index] as FunctionPlan;
    const parameters = this.functionType(index).parameters.length;
    return this.#helper(`entry ${index}`, typeIndex, () => {
      const code = new ByteWriter().u8(0);
      const untouched = plan.convention === 'untouched';
      if (untouched && plan.entry > 0) {
        code.u8(Op.globalGet).u32(this.fuel).u8(Op.i64Const).s64(BigInt(plan.entry)).u8(Op.i64Sub);
        code.u8(Op.globalSet).u32(this.fuel);
      }
      if (!plan.checked) this.#check(code);
      this.#pass(code, parameters);
      if (!untouched) code.u8(Op.globalGet).u32(this.fuel);
      code.u8(Op.call).u32(this.functionIndex(index));
      if (!untouched) code.u8(Op.globalSet).u32(this.fuel);
      return code.u8(Op.end).finish();
    });
  }

  /** A function of another convention in the place of one of the `register` convention. */
  #adapter(index: number): number {
    const typeIndex = this.module.functions[index] as number;
    const plan = this.plan.functions[index] as FunctionPlan;
    const counter = this.functionType(index).parameters.length;
    return this.#helper(`adapter ${index}`, this.registerType(typeIndex), () => {
      const code = new ByteWriter().u8(0);
      if (plan.convention === 'cell') {
        code.u8(Op.localGet).u32(counter).u8(Op.globalSet).u32(this.fuel);
        this.#pass(code, counter).u8(Op.call).u32(this.functionIndex(index));
        return code.u8(Op.globalGet).u32(this.fuel).u8(Op.end).finish();
      }
      code.u8(Op.localGet).u32(counter).u8(Op.i64Const).s64(BigInt(plan.entry)).u8(Op.i64Sub);
      code.u8(Op.localSet).u32(counter);
      this.#checkLocal(code, counter);
      this.#pass(code, counter).u8(Op.call).u32(this.functionIndex(index));
      return code.u8(Op.localGet).u32(counter).u8(Op.end).finish();
    });
  }

  #pass(code: ByteWriter, parameters: number): ByteWriter {
    for (let n = 0; n < parameters; n++) code.u8(Op.localGet).u32(n);
    return code;
  }

  /** `if (counter < 0) counter = refill(counter)` on a local. */
  #checkLocal(code: ByteWriter, counter: number): void {
    code
      .u8(Op.localGet)
      .u32(counter)
      .raw(Uint8Array.of(Op.i64Const, 0, Op.i64LtS));
    this.#hint(code);
    code.u8(Op.localGet).u32(counter).u8(Op.call).u32(this.refillHelper()).u8(Op.localSet).u32(counter).u8(Op.end);
  }

  /** An `if` that is marked as unlikely. */
  #hint(code: ByteWriter): void {
    this.#hints.push({ offset: code.length, likely: false });
    code.u8(Op.if).u8(EMPTY);
  }

  /** Runs the start function. */
  startHelper(index: number): number {
    const callee = this.reference(index);
    return this.#helper('start', this.typeIndex([], []), () =>
      new ByteWriter().u8(0).u8(Op.call).u32(callee).u8(Op.end).finish(),
    );
  }

  /** `memory.grow` that the tank may refuse: 1 a page, once it succeeded. */
  memoryGrow(memory: number): number {
    const is64 = this.module.memories[memory]?.is64 === true;
    const size = Uint8Array.of(is64 ? I64 : I32);
    const grow = new ByteWriter().u8(Op.localGet).u8(0).u8(Op.memoryGrow).u32(memory);
    return this.#growing(`memory.grow ${memory}`, [], size, 65536, grow);
  }

  /** `table.grow` that the tank may refuse: 1 an element, once it succeeded. */
  tableGrow(table: number): number {
    const { element, limits } = this.module.tables[table] as coreModule.TableType;
    const size = Uint8Array.of(limits.is64 ? I64 : I32);
    const grow = new ByteWriter()
      .raw(Uint8Array.of(Op.localGet, 0, Op.localGet, 1, Op.misc, Misc.tableGrow))
      .u32(table);
    return this.#growing(`table.grow ${table}`, [element.bytes], size, entryBytes(element), grow);
  }

  /** (…, count, counter) -> (result, counter) */
  #growing(name: string, before: Uint8Array[], size: Uint8Array, unitBytes: number, grow: ByteWriter): number {
    const counterType = Uint8Array.of(I64);
    const type = this.typeIndex([...before, size, counterType], [size, counterType]);
    const is64 = size[0] === I64;
    const [count, counter, result] = [before.length, before.length + 1, before.length + 2];
    const constant = is64 ? Op.i64Const : Op.i32Const;
    return this.#helper(name, type, () => {
      const code = new ByteWriter().raw(Uint8Array.of(1, 1, is64 ? I64 : I32));
      const ask = (factor: number): void => {
        const bytes = new Uint8Array(new Float64Array([factor]).buffer);
        code
          .u8(Op.localGet)
          .u8(count)
          .u8(is64 ? Op.f64ConvertI64U : Op.f64ConvertI32U);
        code.u8(Op.f64Const).raw(bytes).u8(Op.f64Mul).u8(Op.call).u32(this.grow);
      };
      const refuse = Uint8Array.of(constant, 0x7f, Op.localGet, counter, Op.return, Op.end);
      this.#checkLocal(code, counter);
      ask(unitBytes);
      code.raw(Uint8Array.of(Op.i32Eqz, Op.if, EMPTY)).raw(refuse);
      code.raw(grow.view()).u8(Op.localTee).u8(result);
      code.raw(Uint8Array.of(constant, 0x7f, is64 ? Op.i64Eq : Op.i32Eq, Op.if, EMPTY));
      ask(-unitBytes);
      code.u8(Op.drop).raw(refuse);
      code.u8(Op.localGet).u8(counter).u8(Op.localGet).u8(count);
      if (!is64) code.u8(Op.i64ExtendI32U);
      code.u8(Op.i64Sub).u8(Op.localSet).u8(counter);
      this.#checkLocal(code, counter);
      return code.raw(Uint8Array.of(Op.localGet, result, Op.localGet, counter, Op.end)).finish();
    });
  }

  /** `if (fuel < 0) fuel = refill(fuel)` on the shared counter. */
  #check(code: ByteWriter): void {
    code
      .u8(Op.globalGet)
      .u32(this.fuel)
      .raw(Uint8Array.of(Op.i64Const, 0, Op.i64LtS));
    this.#hint(code);
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
    const helper: Helper = { name: `${NAMESPACE}.${name}`, type, body: new Uint8Array(), hints: [] };
    this.helpers.push(helper);
    // A body that asks for another helper marks branches of its own in between.
    const outer = this.#hints;
    this.#hints = [];
    helper.body = body();
    helper.hints = this.#hints;
    this.#hints = outer;
    return index;
  }
}
