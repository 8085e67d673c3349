import type { PrimitiveType } from './ast.ts';

/** A resource type. Two resource types are the same if and only if they are the same object. */
export interface Resource {
  readonly kind: 'resource';
  /** Whether the host or another component supplies it. Otherwise the component defines it. */
  readonly imported: boolean;
  /** The linker's number of the component instance that defines it; undefined for a type that is only declared. */
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
 * A value type without indices: a graph whose shared parts are shared objects. `nodes` and `depth` measure the tree
 * that it stands for. They are bounded, so a walker over the tree needs no bound of its own.
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

/** The type of an import or export, with everything resolved. */
export type ExternType =
  | FuncType
  | { readonly kind: 'instance'; readonly exports: readonly Extern[] }
  | { readonly kind: 'type'; readonly type: ValueType | Resource }
  /** A component, a core module or a value. Nothing here reads its contents. */
  | { readonly kind: 'other' };

export interface Extern {
  readonly name: string;
  readonly type: ExternType;
}

/** A world, from a component or from WIT text. */
export interface World {
  readonly imports: readonly Extern[];
  readonly exports: readonly Extern[];
}
