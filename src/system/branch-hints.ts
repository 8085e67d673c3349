import { setFlagsFromString } from 'node:v8';

/**
 * Makes V8 use the branch hints of metered code. This holds for the whole process and for all code compiled afterwards, and it
 * cannot be undone. The hints are off by default in Node 24 and on in Node 26, where this call changes nothing.
 */
export function heedBranchHints(): void {
  setFlagsFromString('--experimental-wasm-branch-hinting');
}
