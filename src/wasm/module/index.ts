export { Constant, type ConstantOperator, readConstantExpression } from './constant-expression.ts';
export { type ElementSegment, initialisedTables, itemsOf, readElementSegments } from './elements.ts';
export {
  type CoreModule,
  type ExternKind,
  type ModuleExport,
  type ModuleImport,
  readGlobalType,
  readModule,
  readTable,
} from './module.ts';
export { readFunctionNames } from './names.ts';
export { GC, Immediate, MISC, OPERATORS, type OperatorRow, PLAIN, VECTOR } from './operators.ts';
export { isCoreModule, type ModuleSection, readModuleSections, SectionId } from './sections.ts';
export {
  type ArrayType,
  type DefinedType,
  type FunctionType,
  type Limits,
  readLimits,
  readTableType,
  readTypes,
  readValueType,
  type StructType,
  type TableType,
  type ValueType,
} from './types.ts';
export { writeBodies, writeModule } from './write-module.ts';
