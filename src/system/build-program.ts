/** The build child's program, beside this file: TypeScript in a checkout, JavaScript when compiled. */
export function buildProgram(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './build-child.ts' : './build-child.js', import.meta.url);
}
