export { Lifecycle, type StateChange } from './lifecycle.ts';
export { ComponentLimiter } from './limiter.ts';
export { type EndTurn, LoadedComponent, reasonOf } from './loaded-component.ts';
export { type Store, whileStarting } from './store.ts';
export { StoreManager } from './store-manager.ts';
