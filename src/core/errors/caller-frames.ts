/** The number of microtasks after which V8 knows who awaits a promise that was resolved with another one. */
const STEPS = 3;
const FRAME = /^ {4}at /;

/**
 * Returns a promise that is soon rejected with the error, after the frames of the awaiting code were added to its
 * stack. Resolve the promise that the caller awaits with it: by then V8 knows the path from here to the caller.
 * Promises that are never rejected therefore cost nothing.
 */
export async function rejection(error: unknown): Promise<never> {
  for (let step = 0; step < STEPS; step += 1) await undefined;
  addCallerFrames(error);
  throw error;
}

/** Adds the frames of the code that awaits the running `async` function to an error's stack, if they are missing. */
export function addCallerFrames(error: unknown): void {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return;
  const { stack } = error;
  const frames = (new Error().stack ?? '').split('\n').filter((line) => FRAME.test(line));
  // The first two frames are this function and the running one, which do not concern the caller.
  const awaiting = frames.slice(2).filter((line) => !stack.includes(line));
  // An error that is frozen, or whose stack is not writable, stays unchanged.
  if (awaiting.length > 0) Reflect.set(error, 'stack', [stack, ...awaiting].join('\n'));
}
