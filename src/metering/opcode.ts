/**
 * Opcodes that the rewriter emits or treats specially. The numbers are from the binary format of the core
 * specification.
 *
 * V8 folds a constant of the file that uses it, but reads an imported constant each time. Files that handle every
 * operator therefore copy this table into a constant of their own, and their largest switches use number literals that
 * the compiler compares with this table.
 */
export const Op = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  catch: 0x07,
  throw: 0x08,
  rethrow: 0x09,
  throwRef: 0x0a,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  callRef: 0x14,
  returnCallRef: 0x15,
  delegate: 0x18,
  catchAll: 0x19,
  drop: 0x1a,
  select: 0x1b,
  tryTable: 0x1f,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  tableGet: 0x25,
  tableSet: 0x26,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f64Const: 0x44,
  i32Eqz: 0x45,
  i32Eq: 0x46,
  i64Eq: 0x51,
  i64LtS: 0x53,
  i64LtU: 0x54,
  i32Or: 0x72,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  f64Mul: 0xa2,
  i64ExtendI32U: 0xad,
  f64ConvertI32U: 0xb8,
  f64ConvertI64S: 0xb9,
  f64ConvertI64U: 0xba,
  refFunc: 0xd2,
  brOnNull: 0xd5,
  brOnNonNull: 0xd6,
  gc: 0xfb,
  misc: 0xfc,
  vector: 0xfd,
  atomic: 0xfe,
} as const;

export const Misc = {
  i64TruncSatF64S: 6,
  memoryInit: 8,
  dataDrop: 9,
  memoryCopy: 10,
  memoryFill: 11,
  tableInit: 12,
  elemDrop: 13,
  tableCopy: 14,
  tableGrow: 15,
  tableSize: 16,
  tableFill: 17,
} as const;

export const Gc = {
  structNew: 0,
  structNewDefault: 1,
  structSet: 5,
  arrayNew: 6,
  arrayNewDefault: 7,
  arrayNewFixed: 8,
  arrayNewData: 9,
  arrayNewElem: 10,
  arrayGet: 11,
  arrayGetU: 13,
  arraySet: 14,
  arrayFill: 16,
  arrayCopy: 17,
  arrayInitData: 18,
  arrayInitElem: 19,
  brOnCast: 24,
  brOnCastFail: 25,
} as const;

/** The empty block type, and the value types that take one byte. */
export const EMPTY = 0x40;
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F64 = 0x7c;
export const EXTERNREF = 0x6f;
export const FUNCREF = 0x70;
