import { I64 } from '../opcode.ts';
import { growMemory, growTable } from './growth-code.ts';
import { bytesOf, IndexSpaces } from './index-spaces.ts';
import * as wrappers from './wrapper-code.ts';

/**
 * The metered module while it is assembled. It says which function replaces which one, and appends each on first use.
 */
export class Assembly extends IndexSpaces {
  /** Functions that bodies name by `ref.func`. Validation requires an element segment that declares them. */
  readonly declared: Set<number> = new Set();
  readonly #importWrappers: number[] = [];
  readonly #loopImportWrappers: number[] = [];

  /**
   * Returns the function that references and outside callers get: it has the original type and takes the counter from
   * the cell.
   */
  reference(index: number): number {
    const plan = this.plan.functions[index];
    if (plan?.convention === 'cell') return this.functionIndex(index);
    const own = this.typeOf(index);
    return plan === undefined
      ? this.appended.index(`reference ${index}`, own, () => wrappers.importReference(this, index))
      : this.appended.index(`entry ${index}`, own, () => wrappers.entry(this, index, plan));
  }

  /** Returns a reference for use in a body, and notes that an element segment must declare it. */
  declaredReference(index: number): number {
    const reference = this.reference(index);
    this.declared.add(reference);
    return reference;
  }

  /** Returns the function to export in place of `index`. A re-exported import stays as it is. */
  exported(index: number): number {
    return index < this.module.imported.function ? index : this.reference(index);
  }

  /** Returns the function that a private table holds: it has the `register` convention and checks the budget. */
  registered(index: number): number {
    const plan = this.plan.functions[index];
    if (plan === undefined) return this.importWrapper(index);
    if (plan.convention === 'register') return this.functionIndex(index);
    const type = this.types.withCounter(this.typeOf(index));
    return this.appended.index(`adapter ${index}`, type, () => wrappers.registerWrapper(this, index, plan));
  }

  /**
   * Returns a wrapper that calls an import in the `register` convention. `hasReserve`: the caller has already checked
   * the stack reserve.
   */
  importWrapper(index: number, hasReserve = false): number {
    const known = (hasReserve ? this.#loopImportWrappers : this.#importWrappers)[index];
    if (known !== undefined) return known;
    const type = this.types.withCounter(this.typeOf(index));
    const wrapper = this.appended.index(`import ${index}${hasReserve ? ' in a loop' : ''}`, type, () =>
      wrappers.importWrapper(this, index, hasReserve),
    );
    (hasReserve ? this.#loopImportWrappers : this.#importWrappers)[index] = wrapper;
    return wrapper;
  }

  refillHelper(): number {
    return wrappers.refillHelper(this);
  }

  /** Stores the counter from the stack in the cell, and refills it first when it is negative. */
  storeHelper(): number {
    return this.appended.index('hand', this.types.index(bytesOf(I64), []), () => wrappers.storeCounter(this));
  }

  /** Charges the number of bytes on the stack to the store's memory before an allocation. */
  allocateHelper(): number {
    return this.appended.index('allocate', this.types.index(bytesOf(I64), []), () => wrappers.allocate(this));
  }

  /** Returns the function that the module exports in place of its start function. */
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
