import { ATTACHED, type AttachedCode, type AttachedSignature, CONTEXT, type WaitingImport } from '#core/ports/meter';
import type { ModulePlan } from '#metering/plan';
import type { coreModule } from '#wasm';
import type { ContextCall } from '../context-calls.ts';
import { HOOKS } from '../hooks.ts';
import { NAMESPACE } from '../metadata.ts';
import { EXTERNREF, F64, I32, I64 } from '../opcode.ts';
import { AppendedFunctions } from './appended-functions.ts';
import { FunctionTypes } from './function-types.ts';

const NOTHING_ATTACHED: AttachedCode = { imports: [], functions: [] };

export const bytesOf = (...types: number[]): Uint8Array[] => types.map((type) => Uint8Array.of(type));

/**
 * The index spaces of the metered module. The hooks follow the module's own imports, and the imports of attached code
 * follow the hooks, so the indices of functions that the module defines move up by their number. Functions and types
 * are appended on first use.
 */
export class IndexSpaces {
  readonly module: coreModule.CoreModule;
  readonly plan: ModulePlan;
  readonly types: FunctionTypes;
  readonly appended: AppendedFunctions;
  readonly fuel: number;
  readonly heap: number;
  readonly refill: number;
  readonly room: number;
  readonly grow: number;
  readonly allocate: number;
  readonly suspend: number;
  readonly resumed: number;
  readonly attached: AttachedCode;
  /** The function indices of imports that may have to wait. */
  readonly waiting: ReadonlySet<number>;
  /** The imports in place of whose calls the code uses globals. */
  readonly contexts: ReadonlyMap<number, ContextCall>;
  /** The mutable globals that metering imports in addition to the module's own imports, in order. */
  readonly addedGlobals: readonly { readonly module: string; readonly name: string; readonly type: number }[];
  /** By how much the indices of functions that the module defines move up. */
  readonly #shift: number;

  constructor(
    module: coreModule.CoreModule,
    plan: ModulePlan,
    attached: AttachedCode = NOTHING_ATTACHED,
    waiting: readonly WaitingImport[] = [],
    contexts: ReadonlyMap<number, ContextCall> = new Map(),
  ) {
    this.contexts = contexts;
    this.addedGlobals = [
      ...HOOKS.globals.map((name) => ({ module: NAMESPACE, name: name as string, type: I64 })),
      ...new Map(
        [...contexts.values()].map(({ slot, type }) => [slot, { module: CONTEXT, name: `${slot}`, type }]),
      ).values(),
    ];
    this.module = module;
    this.plan = plan;
    this.attached = attached;
    this.waiting = waitingFunctions(module, waiting);
    this.types = new FunctionTypes(module);
    this.#shift = HOOKS.functions.length + attached.imports.length;
    this.appended = new AppendedFunctions(module.functions.length + this.#shift);
    const hooks = module.imported.function;
    [this.refill, this.room, this.grow, this.allocate, this.suspend, this.resumed] = [
      hooks,
      hooks + 1,
      hooks + 2,
      hooks + 3,
      hooks + 4,
      hooks + 5,
    ];
    this.fuel = module.imported.global;
    this.heap = module.imported.global + 1;
  }

  functionIndex(index: number): number {
    return index < this.module.imported.function ? index : index + this.#shift;
  }

  globalIndex(index: number): number {
    return index < this.module.imported.global ? index : index + this.addedGlobals.length;
  }

  contextGlobal({ slot }: ContextCall): number {
    const at = this.addedGlobals.findIndex(({ module, name }) => module === CONTEXT && name === `${slot}`);
    return this.module.imported.global + at;
  }

  functionType(index: number): coreModule.FunctionType {
    return this.types.at(this.typeOf(index));
  }

  /** Returns the type index of a function of the original module. */
  typeOf(index: number): number {
    return this.module.functions[index] as number;
  }

  /** The functions that metering imports in addition to the module's own imports, in order. */
  addedImports(): readonly { readonly module: string; readonly name: string; readonly type: number }[] {
    const refill = this.types.index(bytesOf(F64), bytesOf(F64));
    const types = [
      refill,
      this.types.index([], []),
      this.types.index(bytesOf(F64), bytesOf(I32)),
      refill,
      this.types.index([], bytesOf(EXTERNREF)),
      this.types.index(bytesOf(EXTERNREF), bytesOf(F64)),
    ];
    return [
      ...HOOKS.functions.map((name, at) => ({ module: NAMESPACE, name, type: types[at] as number })),
      ...this.attached.imports.map((given) => ({
        module: ATTACHED,
        name: given.name,
        type: this.typeOfAttached(given),
      })),
    ];
  }

  typeOfAttached({ parameters, results }: AttachedSignature): number {
    const encode = (types: AttachedSignature['parameters']): Uint8Array[] =>
      bytesOf(...types.map((type) => (type === 'i32' ? I32 : I64)));
    return this.types.index(encode(parameters), encode(results));
  }
}

function waitingFunctions(module: coreModule.CoreModule, waiting: readonly WaitingImport[]): ReadonlySet<number> {
  const names = new Set(waiting.map((each) => JSON.stringify([each.module, each.name])));
  const functions = module.imports.filter(({ kind }) => kind === 'function');
  return new Set(
    functions.flatMap((each, index) => (names.has(JSON.stringify([each.module, each.name])) ? [index] : [])),
  );
}
