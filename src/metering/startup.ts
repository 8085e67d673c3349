import { coreModule } from '#wasm';
import type { DataSegments } from './data-segments.ts';
import { MeteringError } from './errors.ts';
import type { LengthTerm, Metadata } from './metadata.ts';
import { entryBytes, objectBytes } from './object-size.ts';

const { Constant, SectionId, itemsOf, readConstantExpression, readGlobalType } = coreModule;

type Expression = readonly coreModule.ConstantOperator[];
type Startup = Pick<Metadata, 'startupFuel' | 'initialBytes' | 'arrays' | 'hasStart'>;

const PAGE = 65536;
/** Terms of one length: each global may double them. */
const LONGEST_TERM = 256;
/** What instantiating costs, by the rules of wasmtime 50.0.1, and the bytes that it allocates. */
export function startupOf(module: coreModule.CoreModule, data: DataSegments): Startup {
  let fuel = 0;
  let runs = false;
  let initialBytes = 0;
  const arrays: Metadata['arrays'][number][] = [];
  const charge = (units: number): void => {
    runs = true;
    fuel += units;
  };
  const lengths = globalLengths(module);

  for (const { minimum } of module.memories.slice(module.imported.memory)) initialBytes += Number(minimum) * PAGE;
  for (const { element, limits } of module.tables.slice(module.imported.table)) {
    initialBytes += Number(limits.minimum) * entryBytes(element);
  }

  const allocate = (expression: Expression): void => {
    for (const [at, operator] of expression.entries()) {
      const type = module.types[operator.index];
      if (operator.opcode === Constant.structNew || operator.opcode === Constant.structNewDefault) {
        initialBytes += objectBytes(type);
      } else if (operator.opcode === Constant.arrayNewFixed) {
        initialBytes += objectBytes(type, Number(operator.value));
      } else if (operator.opcode === Constant.arrayNew || operator.opcode === Constant.arrayNewDefault) {
        initialBytes += objectBytes(type);
        const elementBytes = type?.kind === 'array' ? type.element.size : 16;
        arrays.push({ length: integer(expression.slice(0, at), lengths), elementBytes });
      }
    }
  };

  itemsOf(module, SectionId.global, (reader) => {
    readGlobalType(reader);
    const expression = readConstantExpression(reader);
    if (!isLoneNumber(expression)) charge(expression.length);
    allocate(expression);
  });
  itemsOf(module, SectionId.table, (reader) => {
    const { type, initialiser } = coreModule.readTable(reader);
    if (initialiser === undefined) return;
    const lone = initialiser.length === 1 && initialiser[0]?.opcode === Constant.refFunc;
    if (!lone) charge(initialiser.length + Number(type.limits.minimum));
    allocate(initialiser);
  });
  const hasStart = module.sections.some(({ id }) => id === SectionId.start);
  if (hasStart) charge(1);

  let placing = true;
  const computed = new Set(computedTables(module));
  for (const { mode, table, offset, items, byIndex } of coreModule.readElementSegments(module)) {
    let operators = 0;
    for (const item of items) {
      if (typeof item === 'number') continue;
      allocate(item);
      operators += item.length;
    }
    if (mode === 'passive') charge(operators);
    if (mode !== 'active') continue;
    placing &&= byIndex && !computed.has(table) && isPlaced(module, table, offset, items.length);
    if (!placing) charge(offset.length + items.length + operators);
  }
  if (data.runs) charge(data.fuel);
  return { startupFuel: runs ? fuel + 1 : 0, initialBytes, arrays, hasStart };
}

const NUMERIC = new Set([0x41, 0x42, 0x43, 0x44, 0xfd00c]);

function isLoneNumber(expression: Expression): boolean {
  return expression.length === 1 && NUMERIC.has(expression[0]?.opcode as number);
}

/** The offset when it is one constant. */
function loneOffset(expression: Expression): bigint | undefined {
  const [only] = expression;
  if (expression.length !== 1 || only === undefined) return undefined;
  if (only.opcode === Constant.i32Const) return BigInt.asUintN(32, only.value);
  return only.opcode === Constant.i64Const ? BigInt.asUintN(64, only.value) : undefined;
}

/** Elements are placed beforehand in a module's own funcref tables, at a constant, within the least size. */
function isPlaced(module: coreModule.CoreModule, index: number, at: Expression, count: number): boolean {
  const offset = loneOffset(at);
  const table = module.tables[index];
  if (offset === undefined || table === undefined || index < module.imported.table) return false;
  return entryBytes(table.element) === 32 && offset + BigInt(count) <= table.limits.minimum;
}

/** Tables whose initialiser is anything but a function. */
function computedTables(module: coreModule.CoreModule): number[] {
  let index = module.imported.table;
  return itemsOf(module, SectionId.table, (reader) => {
    const table = index++;
    const initialiser = coreModule.readTable(reader).initialiser;
    return initialiser?.some(({ opcode }) => opcode !== Constant.refFunc) === true ? [table] : [];
  }).flat();
}

/** Integer globals as terms, for array lengths that are taken from them. */
function globalLengths(module: coreModule.CoreModule): Map<number, LengthTerm[]> {
  const terms = new Map<number, LengthTerm[]>();
  let index = 0;
  for (const { kind, module: from, name } of module.imports) {
    if (kind === 'global') terms.set(index++, [{ module: from, name }]);
  }
  itemsOf(module, SectionId.global, (reader) => {
    const mutable = readGlobalType(reader);
    const expression = readConstantExpression(reader);
    if (!mutable) terms.set(index, integer(expression, terms));
    index++;
  });
  return terms;
}

const ARITHMETIC: ReadonlyMap<number, LengthTerm> = new Map([
  [0x6a, '+'],
  [0x6b, '-'],
  [0x6c, '*'],
]);

/** The i32 on top of the stack after a constant expression, in reverse Polish. Empty when it is no integer. */
function integer(expression: Expression, globals: ReadonlyMap<number, LengthTerm[]>): LengthTerm[] {
  const stack: LengthTerm[][] = [];
  for (const { opcode, index, value } of expression) {
    const operator = ARITHMETIC.get(opcode);
    if (opcode === Constant.i32Const) stack.push([value.toString()]);
    else if (opcode === Constant.globalGet) stack.push(globals.get(index) ?? []);
    else if (operator !== undefined) {
      const right = stack.pop() ?? [];
      const left = stack.pop() ?? [];
      if (left.length + right.length > LONGEST_TERM) {
        throw new MeteringError('METERING_TOO_LARGE', 'an initialiser computes an array length in too many steps');
      }
      stack.push([...left, ...right, operator]);
    } else stack.push([]);
  }
  return stack.at(-1) ?? [];
}
