export { FunctionRewriter } from './function-rewriter.ts';
