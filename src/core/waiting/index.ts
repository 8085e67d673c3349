export { type AsyncContext, currentContext, inContext, isSameContext } from './async-context.ts';
export { type Unsubscribe, Wakers } from './wakers.ts';
