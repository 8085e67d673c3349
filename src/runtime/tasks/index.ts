export { builtins } from './builtins.ts';
export { COPY, type CopyBuffer, CopyEnd, SharedCopy } from './copies.ts';
export type { OutsideCall, SharedTasks, SideBySide } from './side-by-side.ts';
export { SUBTASK, Subtask } from './subtask.ts';
export { Task, TaskInstance, type Thread } from './task.ts';
export { type CoreCall, type LiftedFunction, type Stacks, TaskStore } from './task-store.ts';
