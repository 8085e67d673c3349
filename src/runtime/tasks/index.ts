export { builtins } from './builtins.ts';
export { COPY, type CopyBuffer, CopyEnd, SharedCopy } from './copies.ts';
export { KeptAnswer } from './kept-answer.ts';
export { MainCall } from './main-call.ts';
export type { OutsideCall, SideBySide } from './side-by-side.ts';
export { SUBTASK, Subtask } from './subtask.ts';
export {
  CalledTask,
  type CoreCall,
  type LiftedFunction,
  Task,
  TaskInstance,
  type Thread,
} from './task.ts';
export { type Stacks, TaskStore } from './task-store.ts';
