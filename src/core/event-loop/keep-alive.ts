/** The longest interval that Node keeps as it is. It never runs: it only keeps the process alive. */
const FOR_EVER_MS = 2 ** 30;

/** One interval serves all holders, because each timer of Node's costs memory and time. */
let alive: NodeJS.Timeout | undefined;
let holders = 0;

/**
 * Keeps the process alive, which timers of a `Clock`, suspended turns and listeners to signals do not.
 * @returns ends this; calling it again does nothing
 */
export function keepAlive(): () => void {
  if (holders === 0) alive = setInterval(() => undefined, FOR_EVER_MS);
  holders += 1;
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    holders -= 1;
    if (holders === 0) clearInterval(alive);
  };
}
