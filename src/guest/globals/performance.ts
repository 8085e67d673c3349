import { onceRunning } from '../turn.ts';
import { missing } from './missing.ts';

/** The engine's object. Its time began when the component was built, on another clock. */
const monotonic = globalThis.performance;
let origin = 0;
let began = 0;

onceRunning(() => {
  began = monotonic.now();
  origin = Date.now();
});

const performance = {
  now: (): number => monotonic.now() - began,
  get timeOrigin(): number {
    return origin;
  },
};

for (const name of ['mark', 'measure'])
  missing(performance, name, `performance.${name}`, 'take the difference of two performance.now()');

Object.defineProperty(globalThis, 'performance', { value: performance, writable: true, configurable: true });
