/**
 * A component as its binary describes it, in the order of its definitions. These are the sections of the component
 * model's `Binary.md`, flattened because index spaces count over all of them. Indices are not resolved here.
 */
export interface Component {
  /** The offset of the component's preamble in the file. */
  readonly offset: number;
  readonly definitions: readonly Definition[];
  readonly customs: readonly CustomSection[];
}

export interface CustomSection {
  readonly name: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export type CoreSort = 'func' | 'table' | 'memory' | 'global' | 'tag' | 'type' | 'module' | 'instance';
export type ComponentSort = 'func' | 'value' | 'type' | 'component' | 'instance';
/** The index space to which a definition or alias adds: `core func` and `func` are different ones. */
export type Sort = ComponentSort | `core ${CoreSort}`;

export interface CoreReference {
  readonly sort: CoreSort;
  readonly index: number;
}

export interface Reference {
  readonly sort: Sort;
  readonly index: number;
}

export interface Named<T> {
  readonly name: string;
  readonly value: T;
}

/** The name of an import or export of a component. */
export type ExternName = string;

export type Definition = { readonly offset: number } & (
  | { readonly kind: 'core module'; readonly module: CoreModule }
  | { readonly kind: 'core instance'; readonly expression: CoreInstanceExpression }
  | { readonly kind: 'core type'; readonly type: CoreType }
  | { readonly kind: 'component'; readonly component: Component }
  | { readonly kind: 'instance'; readonly expression: InstanceExpression }
  | { readonly kind: 'alias'; readonly alias: Alias }
  | { readonly kind: 'type'; readonly type: TypeDefinition }
  | { readonly kind: 'canon'; readonly canon: Canon }
  | { readonly kind: 'start'; readonly func: number; readonly args: readonly number[]; readonly results: number }
  | { readonly kind: 'import'; readonly name: ExternName; readonly description: ExternDescription }
  | {
      readonly kind: 'export';
      readonly name: ExternName;
      readonly target: Reference;
      readonly description: ExternDescription | undefined;
    }
);

/** What the reader of a component needs to know about a core module inside it. The module's code is not read. */
export interface CoreModule {
  /** The offset of the module's preamble in the file. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly imports: readonly CoreImport[];
  readonly exports: readonly Named<CoreReference>[];
  /** The number of functions that the module defines itself. */
  readonly functions: number;
  readonly memories: readonly CoreMemory[];
  /** The sum of the minimum sizes of the memories that the module defines itself. */
  readonly initialMemoryBytes: number;
  readonly customs: readonly CustomSection[];
}

export interface CoreImport {
  readonly module: string;
  readonly field: string;
  readonly sort: CoreSort;
  readonly memory: CoreMemory | undefined;
}

export interface CoreMemory {
  readonly initialPages: bigint;
  readonly maximumPages: bigint | undefined;
  readonly shared: boolean;
  readonly is64: boolean;
  readonly pageBytes: number;
}

export type CoreInstanceExpression =
  | { readonly kind: 'instantiate'; readonly module: number; readonly args: readonly Named<number>[] }
  | { readonly kind: 'exports'; readonly exports: readonly Named<CoreReference>[] };

export type InstanceExpression =
  | { readonly kind: 'instantiate'; readonly component: number; readonly args: readonly Named<Reference>[] }
  | { readonly kind: 'exports'; readonly exports: readonly Named<Reference>[] };

export type Alias =
  | { readonly kind: 'export'; readonly sort: Sort; readonly instance: number; readonly name: string }
  | { readonly kind: 'core export'; readonly sort: CoreSort; readonly instance: number; readonly name: string }
  | { readonly kind: 'outer'; readonly sort: Sort; readonly count: number; readonly index: number };

/** A core type: a module's type, or a type of the core language, whose contents are not needed here. */
export type CoreType =
  | { readonly kind: 'module'; readonly imports: readonly CoreImport[]; readonly exports: readonly string[] }
  | { readonly kind: 'core' };

export type PrimitiveType =
  | 'bool'
  | 's8'
  | 'u8'
  | 's16'
  | 'u16'
  | 's32'
  | 'u32'
  | 's64'
  | 'u64'
  | 'f32'
  | 'f64'
  | 'char'
  | 'string'
  | 'error-context';

/** The name of a primitive type, or the index of a type. */
export type ValueTypeRef = PrimitiveType | number;

export type TypeDefinition =
  | { readonly kind: 'primitive'; readonly type: PrimitiveType }
  | { readonly kind: 'record'; readonly fields: readonly Named<ValueTypeRef>[] }
  | { readonly kind: 'variant'; readonly cases: readonly Named<ValueTypeRef | undefined>[] }
  | { readonly kind: 'list'; readonly element: ValueTypeRef; readonly length: number | undefined }
  | { readonly kind: 'map'; readonly key: ValueTypeRef; readonly element: ValueTypeRef }
  | { readonly kind: 'tuple'; readonly elements: readonly ValueTypeRef[] }
  | { readonly kind: 'flags'; readonly labels: readonly string[] }
  | { readonly kind: 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'option'; readonly element: ValueTypeRef }
  | { readonly kind: 'result'; readonly ok: ValueTypeRef | undefined; readonly error: ValueTypeRef | undefined }
  | { readonly kind: 'own' | 'borrow'; readonly resource: number }
  | { readonly kind: 'stream' | 'future'; readonly element: ValueTypeRef | undefined }
  | {
      readonly kind: 'func';
      readonly async: boolean;
      readonly params: readonly Named<ValueTypeRef>[];
      readonly result: ValueTypeRef | undefined;
    }
  | { readonly kind: 'component'; readonly declarations: readonly Declaration[] }
  | { readonly kind: 'instance'; readonly declarations: readonly Declaration[] }
  | { readonly kind: 'resource'; readonly destructor: number | undefined };

export type Declaration =
  | { readonly kind: 'core type'; readonly type: CoreType }
  | { readonly kind: 'type'; readonly type: TypeDefinition }
  | { readonly kind: 'alias'; readonly alias: Alias }
  | { readonly kind: 'import' | 'export'; readonly name: ExternName; readonly description: ExternDescription };

export type ExternDescription =
  | { readonly kind: 'core module' | 'func' | 'component' | 'instance'; readonly type: number }
  | { readonly kind: 'value'; readonly bound: { readonly equal: number } | { readonly type: ValueTypeRef } }
  | { readonly kind: 'type'; readonly bound: { readonly equal: number } | 'resource' };

export interface CanonOptions {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16';
  readonly memory: number | undefined;
  readonly realloc: number | undefined;
  readonly postReturn: number | undefined;
  readonly async: boolean;
  readonly callback: number | undefined;
  /** Further options, which the direct path does not support. */
  readonly others: readonly string[];
}

export type Canon =
  | { readonly kind: 'lift'; readonly coreFunc: number; readonly options: CanonOptions; readonly type: number }
  | { readonly kind: 'lower'; readonly func: number; readonly options: CanonOptions }
  | { readonly kind: 'resource.new' | 'resource.drop' | 'resource.rep'; readonly resource: number }
  | Builtin;

/** A built-in of asynchronous components. Each adds one core function. */
export interface Builtin {
  readonly kind: 'builtin';
  /** Its name in the text format. */
  readonly name: string;
  /** The index of a stream's or future's type. */
  readonly type: number | undefined;
  /** The result that `task.return` takes. */
  readonly result: ValueTypeRef | undefined;
  readonly options: CanonOptions | undefined;
  readonly memory: number | undefined;
  readonly table: number | undefined;
  /** Whether it is `async` or `cancellable`, where it can be one of the two. */
  readonly flag: boolean;
  /** The place in a thread's storage, of 64 bits if `wide`. */
  readonly slot: number;
  readonly wide: boolean;
}
