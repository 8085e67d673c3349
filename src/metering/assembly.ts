import type { coreModule } from '#wasm';
import { AppendedFunctions } from './appended-functions.ts';
import { FunctionTypes } from './function-types.ts';
import { growMemory, growTable } from './growth-code.ts';
import { HOOKS } from './hooks.ts';
import { F64, I32, I64 } from './opcode.ts';
import type { ModulePlan } from './plan.ts';
import * as wrappers from './wrapper-code.ts';

const bytesOf = (...types: number[]): Uint8Array[] => types.map((type) => Uint8Array.of(type));

/**
 * The index spaces of the metered module. Hooks stand behind the module's own imports, so that what it defines moves
 * up by their number; functions and types are appended when first asked for.
 */
export class Assembly {
  readonly module: coreModule.CoreModule;
  readonly plan: ModulePlan;
  readonly types: FunctionTypes;
  readonly appended: AppendedFunctions;
  /** What bodies refer to by `ref.func`; it must be declared in an element segment. */
  readonly declared: Set<number> = new Set();
  readonly fuel: number;
  readonly heap: number;
  readonly refill: number;
  readonly room: number;
  readonly grow: number;
  readonly allocate: number;
  readonly #importWrappers: number[] = [];
  readonly #loopImportWrappers: number[] = [];

  constructor(module: coreModule.CoreModule, plan: ModulePlan) {
    this.module = module;
    this.plan = plan;
    this.types = new FunctionTypes(module);
    this.appended = new AppendedFunctions(module.functions.length + HOOKS.functions.length);
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

  functionType(index: number): coreModule.FunctionType {
    return this.types.at(this.typeOf(index));
  }

  /** The type index of a function of the module. */
  typeOf(index: number): number {
    return this.module.functions[index] as number;
  }

  hookTypes(): number[] {
    const refill = this.types.index(bytesOf(I64), bytesOf(I64));
    return [refill, this.types.index([], []), this.types.index(bytesOf(F64), bytesOf(I32)), refill];
  }

  /** What the outside, and references, hold of a function: one of the module's own types that takes the counter from the cell. */
  reference(index: number): number {
    const plan = this.plan.functions[index];
    if (plan?.convention === 'cell') return this.functionIndex(index);
    const own = this.typeOf(index);
    return plan === undefined
      ? this.appended.index(`reference ${index}`, own, () => wrappers.importReference(this, index))
      : this.appended.index(`entry ${index}`, own, () => wrappers.entry(this, index, plan));
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
    const plan = this.plan.functions[index];
    if (plan === undefined) return this.importWrapper(index);
    if (plan.convention === 'register') return this.functionIndex(index);
    const type = this.types.withCounter(this.typeOf(index));
    return this.appended.index(`adapter ${index}`, type, () => wrappers.adapter(this, index, plan));
  }

  /** Calls an import, in the `register` convention. `hasRoom`: the caller has seen to the room on the stack. */
  importWrapper(index: number, hasRoom = false): number {
    const known = (hasRoom ? this.#loopImportWrappers : this.#importWrappers)[index];
    if (known !== undefined) return known;
    const type = this.types.withCounter(this.typeOf(index));
    const wrapper = this.appended.index(`import ${index}${hasRoom ? ' in a loop' : ''}`, type, () =>
      wrappers.importWrapper(this, index, hasRoom),
    );
    (hasRoom ? this.#loopImportWrappers : this.#importWrappers)[index] = wrapper;
    return wrapper;
  }

  /** Asks the tank for more when the counter on the stack is below zero, and traps where it refuses. */
  refillHelper(): number {
    const type = this.types.index(bytesOf(I64), bytesOf(I64));
    return this.appended.index('refill', type, () => wrappers.refill(this));
  }

  /** Puts the counter on the stack into the cell, refilled when it is below zero. */
  handHelper(): number {
    return this.appended.index('hand', this.types.index(bytesOf(I64), []), () => wrappers.hand(this));
  }

  /** Charges the bytes on the stack to the store's memory before an allocation. */
  allocateHelper(): number {
    return this.appended.index('allocate', this.types.index(bytesOf(I64), []), () => wrappers.allocate(this));
  }

  /** Runs the start function. */
  startHelper(index: number): number {
    const callee = this.reference(index);
    return this.appended.index('start', this.types.index([], []), () => wrappers.start(callee));
  }

  memoryGrow(memory: number): number {
    return growMemory(this, memory);
  }

  tableGrow(table: number): number {
    return growTable(this, table);
  }
}
