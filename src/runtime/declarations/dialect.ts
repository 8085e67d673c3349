import { TYPED_ARRAY_NAMES } from '#runtime/exports';

/** How values look in TypeScript on one side of a component. */
export interface Dialect {
  /** The type of 64-bit integers. */
  readonly wide: string;
  /** What stands for the `none` of an option. */
  readonly none: string;
  /** The typed arrays that stand for lists of numbers, by the item's type. */
  readonly arrays: Readonly<Partial<Record<string, string>>>;
  /** Whether streams and futures have types of JavaScript; otherwise nothing is said of them. */
  readonly hasStreams: boolean;
}

/** The embedder's values, as `runtime.call` gives and takes them. */
export const OF_HOST: Dialect = {
  wide: 'bigint',
  none: 'undefined',
  arrays: TYPED_ARRAY_NAMES,
  hasStreams: true,
};

/** The values in a source that `viv build` puts into a component with QuickJS: 64-bit integers are numbers, and `none` is null. */
export const OF_GUEST: Dialect = { wide: 'number', none: 'null', arrays: { u8: 'Uint8Array' }, hasStreams: false };
