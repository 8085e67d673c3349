/** How values look in TypeScript on one side of a component. */
export interface Dialect {
  /** The type of 64-bit integers. */
  readonly wide: string;
  /** What stands for the `none` of an option. */
  readonly none: string;
  /** The typed arrays that stand for lists of numbers, by the item's type. */
  readonly arrays: Readonly<Record<string, string>>;
}

/** The embedder's values, as `runtime.call` gives and takes them. */
export const OF_HOST: Dialect = {
  wide: 'bigint',
  none: 'undefined',
  arrays: {
    u8: 'Uint8Array',
    s8: 'Int8Array',
    u16: 'Uint16Array',
    s16: 'Int16Array',
    u32: 'Uint32Array',
    s32: 'Int32Array',
    u64: 'BigUint64Array',
    s64: 'BigInt64Array',
    f32: 'Float32Array',
    f64: 'Float64Array',
  },
};

/** The values in a source that `viv build` puts into a component with QuickJS: 64-bit integers are numbers, and `none` is null. */
export const OF_GUEST: Dialect = { wide: 'number', none: 'null', arrays: { u8: 'Uint8Array' } };
