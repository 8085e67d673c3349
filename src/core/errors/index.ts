export { addCallerFrames, rejection } from './caller-frames.ts';
export {
  attribute,
  CoreError,
  type CoreErrorCode,
  type ErrorDetails,
  type ErrorKind,
  isErrorKind,
  isVivariumError,
  messageOf,
  plainValue,
  releaseFrames,
  VivariumError,
  type VivariumErrorOptions,
} from './errors.ts';
