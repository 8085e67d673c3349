export { rewriteModule } from './module-rewriter.ts';
