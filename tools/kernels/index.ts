import { readFileSync } from 'node:fs';

/** A small program with one export, `run(rounds) -> i32`; all its work grows with `rounds`. */
export interface Kernel {
  readonly name: string;
  /** Rounds that take one to two milliseconds on a machine of today. */
  readonly rounds: number;
  /** Rounds that are enough to compare counts. */
  readonly few: number;
}

export const KERNELS: readonly Kernel[] = [
  { name: 'mix', rounds: 800_000, few: 1000 },
  { name: 'fib', rounds: 30, few: 12 },
  { name: 'matmul', rounds: 10, few: 1 },
  { name: 'quicksort', rounds: 7, few: 1 },
  { name: 'sha256', rounds: 5_000, few: 10 },
  { name: 'sieve', rounds: 14, few: 1 },
  { name: 'json', rounds: 4_000, few: 10 },
  { name: 'regex', rounds: 180, few: 3 },
  { name: 'interpreter', rounds: 60, few: 3 },
  { name: 'search', rounds: 350, few: 5 },
  { name: 'simd', rounds: 2_200, few: 3 },
  { name: 'tree', rounds: 650, few: 3 },
  { name: 'copies', rounds: 220_000, few: 100 },
  { name: 'hostcall', rounds: 270_000, few: 100 },
];

export function kernelBytes({ name }: Kernel): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`./${name}.wasm`, import.meta.url)));
}

/** What `hostcall` imports: an answer that depends on the argument alone. */
export function kernelImports(): WebAssembly.Imports {
  return { env: { host: (number: number) => (number >>> 3) ^ 5 } };
}
