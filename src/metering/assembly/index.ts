export { AppendedBody } from './appended-functions.ts';
export { Assembly } from './assembly.ts';
export { rewriteExpression } from './expressions.ts';
