export {
  type ComponentCode,
  type ComponentExports,
  componentCode,
  handlerName,
  type InstanceStore,
  lifecycleName,
} from './component-code.ts';
export { findExport } from './component-exports.ts';
export {
  asResult,
  errorCaseOf,
  glueHostCall,
  hostFailure,
  hostWouldBlock,
  isErrorCase,
  isThenable,
} from './host-call.ts';
export type { Lifecycle, MessageCalls } from './message-calls.ts';
