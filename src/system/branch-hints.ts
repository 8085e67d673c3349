import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 heed the branch hints of metered code, for the whole process and for what is compiled from here on; it cannot be
 * taken back. Node 24 has them off and Node 26 on, where this changes nothing.
 */
export function heedBranchHints(): void {
  setFlagsFromString('--experimental-wasm-branch-hinting');
}
