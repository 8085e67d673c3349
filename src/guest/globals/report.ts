import { onceRunning } from '../turn.ts';

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

let write: ((level: Level, text: string) => void) | undefined;

/** Sets the function that writes a line. The bundler picks the module that calls this, by the interfaces that the world has. */
export function useLog(given: (level: Level, text: string) => void): void {
  write = given;
}

/** Logs a text. A text that is logged while the component is built is written by each instance when its first turn begins. */
export function report(level: Level, text: string): void {
  onceRunning(() => write?.(level, text));
}
