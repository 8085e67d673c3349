export {
  type ComponentId,
  checkComponentId,
  formatComponentId,
  HOST_ID,
  isReservedId,
  parseComponentId,
} from './component-id.ts';
export { type ComponentHandle, createHandle, shownHandle } from './handle.ts';
