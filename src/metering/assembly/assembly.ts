import { I64 } from '../opcode.ts';
import { growMemory, growTable } from './growth-code.ts';
import { bytesOf, IndexSpaces } from './index-spaces.ts';
import * as wrappers from './wrapper-code.ts';

/** The metered module as it is put together: what stands for a function where, appended when it is first asked for. */
export class Assembly extends IndexSpaces {
  /** What bodies refer to by `ref.func`; it must be declared in an element segment. */
  readonly declared: Set<number> = new Set();
  readonly #importWrappers: number[] = [];
  readonly #loopImportWrappers: number[] = [];

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

  refillHelper(): number {
    return wrappers.refillHelper(this);
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
