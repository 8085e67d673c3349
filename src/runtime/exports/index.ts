export { AnswerChecks, answerChecksOf, type ResultCase } from './answer-checks.ts';
export { describeExports } from './description.ts';
export { type ExportIndex, exportIndexOf } from './export-index.ts';
export type { ExportedFunction } from './exported-function.ts';
export { compareVersions, interfaceName, isCompatible } from './interface-name.ts';
export { argumentsFromJson } from './json-arguments.ts';
export { memberName } from './member-name.ts';
export { tagsCarried } from './result-tags.ts';
export { type ArgumentType, isTaggedOption } from './shape.ts';
