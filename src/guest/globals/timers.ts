import { addTimer, removeTimer } from './event-loop.ts';
import { install } from './install.ts';

const asTimer =
  (repeats: boolean) =>
  (run: (...args: unknown[]) => void, delay = 0, ...args: unknown[]): number => {
    if (typeof run !== 'function') throw new TypeError('a timer takes a function; text is not run');
    return addTimer(() => run(...args), delay, repeats);
  };

install({
  setTimeout: asTimer(false),
  setInterval: asTimer(true),
  clearTimeout: removeTimer,
  clearInterval: removeTimer,
});
