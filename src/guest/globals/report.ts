import { onceRunning } from '../turn.ts';

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

let write: ((level: Level, text: string) => void) | undefined;

/** Where lines go; what makes the bundle names the interface that the world has. */
export function useLog(given: (level: Level, text: string) => void): void {
  write = given;
}

/** Logs a text. What is logged while the component is made, each instance logs when its first turn begins. */
export function report(level: Level, text: string): void {
  onceRunning(() => write?.(level, text));
}
