import type { coreModule } from '#wasm';
import { AppendedFunctions } from './appended-functions.ts';
import { FunctionTypes } from './function-types.ts';
import { HOOKS } from './hooks.ts';
import { F64, I32, I64 } from './opcode.ts';
import type { ModulePlan } from './plan.ts';

export const bytesOf = (...types: number[]): Uint8Array[] => types.map((type) => Uint8Array.of(type));

/**
 * The index spaces of the metered module. Hooks stand behind the module's own imports, so that what it defines moves
 * up by their number; functions and types are appended when first asked for.
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
}
