/** The typed array that stands for a list of numbers, by the type of the items. A list of any other type is an array. */
export const TYPED_ARRAYS = {
  u8: Uint8Array,
  s8: Int8Array,
  u16: Uint16Array,
  s16: Int16Array,
  u32: Uint32Array,
  s32: Int32Array,
  u64: BigUint64Array,
  s64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

/** The names of these classes, for code and declarations that are written as text. */
export const TYPED_ARRAY_NAMES: Readonly<Partial<Record<string, string>>> = Object.fromEntries(
  Object.entries(TYPED_ARRAYS).map(([kind, { name }]) => [kind, name]),
);
