import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Wasmtime } from '../../tools/oracle/wasmtime.ts';

/**
 * Microseconds of processor time for a call of the export `f` of a component by wasmtime's Python package, which has no asynchronous
 * functions; undefined where `npm run oracle` has not installed it.
 */
export function wasmtimeCall(component: Uint8Array): number | undefined {
  const { python } = Wasmtime;
  if (python === undefined) return undefined;
  const script = fileURLToPath(new URL('./peer.py', import.meta.url));
  return Number(execFileSync(python, [script], { input: component, encoding: 'utf8' }));
}
