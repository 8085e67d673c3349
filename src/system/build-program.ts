import { programBeside } from '#processes';

/** The build child's program: TypeScript in a checkout, one joined file of JavaScript when compiled. */
export function buildProgram(): URL {
  return programBeside(import.meta.url, './build-child', '../start/build-child');
}
