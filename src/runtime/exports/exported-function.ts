import type { ArgumentType } from './shape.ts';

/** One function that a component exports, with its type. */
export interface ExportedFunction {
  /** Its name in WIT as the binary has it: `add-one`, or `ns:pkg/iface@1.0.0#add-one`. */
  readonly name: string;
  /** The interface that has it; undefined for a function of the world. */
  readonly owner: string | undefined;
  /** Its name there: `add-one`, or `[method]cart.add`. */
  readonly member: string;
  /** The property of the glue's exports that is the function, or the interface that has it. */
  readonly property: string;
  /** The comment of the function in its WIT, if the component carries comments. */
  readonly docs?: string | undefined;
  readonly params: readonly { readonly name: string; readonly type: ArgumentType }[];
  readonly result: ArgumentType | undefined;
}
