export {
  DisposableProcess,
  type DisposableProcessOptions,
  type ProcessEnd,
  programBeside,
} from './disposable-process.ts';
