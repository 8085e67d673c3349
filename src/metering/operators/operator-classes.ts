import type { coreModule } from '#wasm';

/**
 * What an operator means for metering. Every walker over bodies dispatches on its effect and refuses an effect that it
 * does not expect. Without this, a new operator would silently count as one that computes and costs 1.
 */
export const Effect = {
  /** The operator is in no row, or its row has no class: `METERING_UNKNOWN_OPERATOR`. */
  unknown: 0,
  /** The operator computes and costs 1. */
  plain: 1,
  /** The operator computes and costs nothing. */
  free: 2,
  /** The operator costs 1 and names a local or a global, whose index metering may move. */
  local: 3,
  global: 4,
  /** The operator costs 1 and reads or writes a table element. */
  table: 5,
  /** The operator costs 1 and makes a function reference. */
  reference: 6,
  /** The operator opens a label. */
  open: 7,
  /** The operator ends an arm of a label, or the label. */
  close: 8,
  /** The operator may branch to a label, or returns. */
  branch: 9,
  call: 10,
  /** The operator costs more than 1, by a length that is known at run time. */
  charge: 11,
  /** Like `charge`, for an operator that modifies tables. */
  chargeTable: 12,
  /** The operator allocates an object, which counts as memory. */
  allocate: 13,
  /** The operator ends in an exception or a trap. */
  throw: 14,
  /** The operator is named by the opcode that follows this prefix. */
  prefix: 15,
} as const;

export type Effect = (typeof Effect)[keyof typeof Effect];

/** Stands for a height change that depends on immediates or on the label that the operator reaches. */
export const VARIES = -128;

/** The effect of an operator, and by how much it changes the height of the operand stack. */
export type OperatorClass = readonly [effect: Exclude<Effect, 0>, height: number];

type Operators = typeof coreModule.OPERATORS;

const { plain, free, local, global, table, reference, open, close } = Effect;
const { branch, call, charge, chargeTable, allocate, throw: thrown, prefix } = Effect;

/** The class of each row of operators. The type requires one for every row. */
export const CLASSES: {
  readonly [Group in keyof Operators]: { readonly [Row in keyof Operators[Group]]: OperatorClass };
} = {
  plain: {
    unreachable: [thrown, VARIES],
    nop: [free, 0],
    block: [open, VARIES],
    loop: [open, VARIES],
    if: [open, VARIES],
    else: [close, VARIES],
    try: [open, VARIES],
    catch: [close, VARIES],
    throw: [thrown, VARIES],
    rethrow: [thrown, VARIES],
    throwRef: [thrown, VARIES],
    end: [close, VARIES],
    br: [branch, VARIES],
    brIf: [branch, VARIES],
    brTable: [branch, VARIES],
    return: [branch, VARIES],
    call: [call, VARIES],
    callIndirect: [call, VARIES],
    returnCall: [call, VARIES],
    returnCallIndirect: [call, VARIES],
    callRef: [call, VARIES],
    returnCallRef: [call, VARIES],
    delegate: [close, VARIES],
    catchAll: [close, VARIES],
    drop: [free, -1],
    select: [plain, -2],
    selectTyped: [plain, -2],
    tryTable: [open, VARIES],
    localGet: [local, 1],
    localSet: [local, -1],
    localTee: [local, 0],
    globalGet: [global, 1],
    globalSet: [global, -1],
    tableGet: [table, 0],
    tableSet: [table, -2],
    load: [plain, 0],
    store: [plain, -2],
    memorySize: [plain, 1],
    memoryGrow: [charge, 0],
    integerConst: [plain, 1],
    f32Const: [plain, 1],
    f64Const: [plain, 1],
    i32Eqz: [plain, 0],
    i32Comparison: [plain, -1],
    i64Eqz: [plain, 0],
    comparison: [plain, -1],
    i32Unary: [plain, 0],
    i32Binary: [plain, -1],
    i64Unary: [plain, 0],
    i64Binary: [plain, -1],
    f32Unary: [plain, 0],
    f32Binary: [plain, -1],
    f64Unary: [plain, 0],
    f64Binary: [plain, -1],
    conversion: [plain, 0],
    signExtension: [plain, 0],
    refNull: [plain, 1],
    refIsNull: [plain, 0],
    refFunc: [reference, 1],
    refEq: [plain, -1],
    refAsNonNull: [plain, 0],
    brOnNull: [branch, VARIES],
    brOnNonNull: [branch, VARIES],
    prefixes: [prefix, VARIES],
  },
  gc: {
    structNew: [allocate, VARIES],
    structNewDefault: [allocate, 1],
    structGet: [plain, 0],
    structSet: [plain, -2],
    arrayNew: [allocate, -1],
    arrayNewDefault: [allocate, 0],
    arrayNewFixed: [allocate, VARIES],
    arrayNewSegment: [allocate, -1],
    arrayGet: [plain, -1],
    arraySet: [plain, -3],
    arrayLen: [plain, 0],
    arrayFill: [charge, -4],
    arrayCopy: [charge, -5],
    arrayInit: [charge, -4],
    refTestAndCast: [plain, 0],
    brOnCast: [branch, VARIES],
    externConversion: [plain, 0],
    i31: [plain, 0],
  },
  misc: {
    saturatingConversion: [plain, 0],
    memoryInit: [charge, -3],
    dataDrop: [plain, 0],
    memoryCopy: [charge, -3],
    memoryFill: [charge, -3],
    tableInit: [chargeTable, -3],
    elemDrop: [plain, 0],
    tableCopy: [chargeTable, -3],
    tableGrow: [chargeTable, -1],
    tableSize: [plain, 1],
    tableFill: [chargeTable, -3],
  },
  // The heights of SIMD operators that take more than they give are not listed one by one, so they are overestimated
  // within a block.
  vector: {
    load: [plain, 0],
    store: [plain, -2],
    v128Const: [plain, 1],
    shuffle: [plain, 0],
    swizzleAndSplat: [plain, 0],
    lane: [plain, 0],
    comparisonAndBits: [plain, 0],
    memoryLane: [plain, 0],
    loadZero: [plain, 0],
    floatConversion: [plain, 0],
    arithmetic: [plain, 0],
    relaxed: [plain, 0],
  },
};
