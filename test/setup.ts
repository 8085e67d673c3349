import { join } from 'node:path';
import fc from 'fast-check';

// A failing property prints its seed; `npm test -- --seed N` runs every property with that one.
const seed = process.env.VIVARIUM_TEST_SEED;
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });

// Tests use no cache and no keys of whoever runs them.
const folder = process.env.VIVARIUM_TEST_FOLDER;
if (folder === undefined) throw new Error('test/run-folder.ts names the folder of this run');
process.env.VIVARIUM_CACHE_DIR = join(folder, 'cache');
process.env.VIVARIUM_HOME = join(folder, 'home');

// Programs that tests start load the source as TypeScript, which takes most of their time where it was not compiled before.
process.env.NODE_COMPILE_CACHE = join(folder, 'compiled');
