/** How many microtasks pass until V8 can see who awaits a promise that was resolved with another. */
const STEPS = 3;
const FRAME = /^ {4}at /;

/**
 * A promise that is rejected with the error, soon, once the frames of the code that awaits it are in the error's stack.
 * Resolve with it what the caller awaits: by then V8 knows the way from here to the caller, so that nothing is kept, and
 * nothing is spent, for promises that are never rejected.
 */
export async function rejection(error: unknown): Promise<never> {
  for (let step = 0; step < STEPS; step += 1) await undefined;
  addCallerFrames(error);
  throw error;
}

/** Adds the frames of the code that awaits the running `async` function to an error's stack, where they are not in it. */
export function addCallerFrames(error: unknown): void {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return;
  const { stack } = error;
  const frames = (new Error().stack ?? '').split('\n').filter((line) => FRAME.test(line));
  // The first two are this function and the running one, which are no concern of the caller's.
  const awaiting = frames.slice(2).filter((line) => !stack.includes(line));
  // An error that somebody froze, or whose stack cannot be written, stays as it is.
  if (awaiting.length > 0) Reflect.set(error, 'stack', [stack, ...awaiting].join('\n'));
}
