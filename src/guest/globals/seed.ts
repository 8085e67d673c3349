import { getRandomBytes } from 'wasi:random/random@0.2.2';
import { seedMathRandom } from '../random.ts';
import { onceRunning } from '../turn.ts';

// For a source of a world of its own. What defineActor and handlerOf make does the same at its own first turn.
onceRunning(() => seedMathRandom(getRandomBytes));
