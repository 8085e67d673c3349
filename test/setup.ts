import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';

// A failing property prints its seed; `npm test -- --seed N` runs every property with that one.
const seed = process.env.VIVARIUM_TEST_SEED;
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });

// Tests use no cache and no keys of whoever runs them.
const folder = mkdtempSync(join(tmpdir(), 'vivarium-test-'));
process.env.VIVARIUM_CACHE_DIR = join(folder, 'cache');
process.env.VIVARIUM_HOME = join(folder, 'home');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
