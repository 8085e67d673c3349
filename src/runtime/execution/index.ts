export { currentStore } from './current-store.ts';
export { Execution, execution } from './execution.ts';
export { Turn } from './turn.ts';
