import { subscribeDuration } from 'wasi:clocks/monotonic-clock@0.2.2';
import { useSleep } from './event-loop.ts';

useSleep((ms) => {
  const pollable = subscribeDuration(ms * 1e6);
  pollable.block();
  pollable[Symbol.dispose]();
});
