/** The build child's program: TypeScript in a checkout, one joined file of JavaScript when compiled. */
export function buildProgram(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './build-child.ts' : '../start/build-child.js', import.meta.url);
}
