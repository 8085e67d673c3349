export {
  DisposableProcess,
  type DisposableProcessOptions,
  type ProcessEnd,
  programBeside,
} from './disposable-process.ts';
export { endWithParent } from './end-with-parent.ts';
