export {
  DisposableProcess,
  type DisposableProcessOptions,
  type ProcessEnd,
} from './disposable-process.ts';
export { endWithParent } from './end-with-parent.ts';
export { programBeside } from './program-beside.ts';
