import type { PrimitiveType } from './ast.ts';

/** A resource type. Two are the same if and only if they are the same object. */
export interface Resource {
  readonly kind: 'resource';
  /** Whether the host or another component gives it; otherwise the component defines it. */
  readonly imported: boolean;
  /** The component instance that defines it, in the numbers of the linker; undefined for one that is only declared. */
  readonly definedBy: number | undefined;
}

export interface Field {
  readonly name: string;
  readonly type: ValueType;
}

export interface Case {
  readonly name: string;
  readonly type: ValueType | undefined;
}

/**
 * A value type without indices: a graph whose shared parts are shared objects. `nodes` and `depth` are those of the
 * tree that it stands for, and bounded, so that whoever walks the tree needs no bound of its own.
 */
export type ValueType = { readonly nodes: number; readonly depth: number } & (
  | { readonly kind: PrimitiveType }
  | { readonly kind: 'record'; readonly fields: readonly Field[] }
  | { readonly kind: 'variant'; readonly cases: readonly Case[] }
  | { readonly kind: 'list'; readonly element: ValueType; readonly length: number | undefined }
  | { readonly kind: 'map'; readonly key: ValueType; readonly element: ValueType }
  | { readonly kind: 'tuple'; readonly elements: readonly ValueType[] }
  | { readonly kind: 'flags' | 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'option'; readonly element: ValueType }
  | { readonly kind: 'result'; readonly ok: ValueType | undefined; readonly error: ValueType | undefined }
  | { readonly kind: 'own' | 'borrow'; readonly resource: Resource }
  | { readonly kind: 'stream' | 'future'; readonly element: ValueType | undefined }
);

export interface FuncType {
  readonly kind: 'func';
  readonly async: boolean;
  readonly params: readonly Field[];
  readonly result: ValueType | undefined;
}

/** What an import or export is, with everything resolved. */
export type ExternType =
  | FuncType
  | { readonly kind: 'instance'; readonly exports: readonly Extern[] }
  | { readonly kind: 'type'; readonly type: ValueType | Resource }
  /** A component, a core module or a value, which nothing here goes into. */
  | { readonly kind: 'other' };

export interface Extern {
  readonly name: string;
  readonly type: ExternType;
}

/** A world, as a component has it or as WIT text says it. */
export interface World {
  readonly imports: readonly Extern[];
  readonly exports: readonly Extern[];
}
