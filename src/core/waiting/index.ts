export { type AsyncContext, currentContext, inContext, isSameContext } from './async-context.ts';
export { type ByteAccount, BytePipe, type FieldPairs, PIPE_BYTES } from './byte-pipe.ts';
export { Later, type LaterListener } from './later.ts';
export { onAbort } from './on-abort.ts';
export { Sleeps } from './sleeps.ts';
export { TimerWheel, WheelTimer } from './timer-wheel.ts';
export { every, wait } from './wait.ts';
export { type Unsubscribe, Wakers } from './wakers.ts';
