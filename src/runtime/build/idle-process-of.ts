import { IdleProcess } from './idle-process.ts';

/** Returns where a builder keeps its child between two builds. Each builder has a place of its own. */
export function idleProcessOf(options: ConstructorParameters<typeof IdleProcess>[0]): IdleProcess {
  return new IdleProcess(options);
}
