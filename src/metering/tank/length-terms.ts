import type { LengthTerm } from '../metadata.ts';

/** Evaluates an unsigned i32 length from constants and imported globals. */
export function evaluateLength(terms: readonly LengthTerm[], imports: WebAssembly.Imports): number {
  const stack: number[] = [];
  for (const term of terms) {
    if (term === '+' || term === '-' || term === '*') {
      const right = stack.pop() ?? 0;
      const left = stack.pop() ?? 0;
      stack.push(term === '+' ? (left + right) | 0 : term === '-' ? (left - right) | 0 : Math.imul(left, right));
    } else if (typeof term === 'string') stack.push(Number(term) | 0);
    else {
      const value = imports[term.module]?.[term.name];
      stack.push(Number(value instanceof WebAssembly.Global ? value.value : value) | 0);
    }
  }
  return (stack.at(-1) ?? 0) >>> 0;
}
