import { TYPED_ARRAY_NAMES } from '#runtime/exports';

/** How values look in TypeScript on one side of a component. */
export interface Dialect {
  /** The type of 64-bit integers. */
  readonly wide: string;
  /** What stands for the `none` of an option. */
  readonly none: string;
  /** The typed arrays that stand for lists of numbers, by the item's type. */
  readonly arrays: Readonly<Partial<Record<string, string>>>;
  /** The type of a future, by the text of its value's type. */
  readonly future: (value: string) => string;
}

/** The embedder's values, as `runtime.call` gives and takes them. */
export const OF_HOST: Dialect = {
  wide: 'bigint',
  none: 'undefined',
  arrays: TYPED_ARRAY_NAMES,
  future: (value) => `Promise<${value}>`,
};

/**
 * The values in a source that QuickJS runs in a component: 64-bit integers are numbers, and `none` is null. A future is an object that is
 * read, and no promise, so that a function can return one from `async` code.
 */
export const OF_GUEST: Dialect = {
  wide: 'number',
  none: 'null',
  arrays: { u8: 'Uint8Array' },
  future: (value) => `{ read(): Promise<${value}> }`,
};
