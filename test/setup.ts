import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';

// A failing property prints its seed; `npm test -- --seed N` runs every property with that one.
const seed = process.env.VIVARIUM_TEST_SEED;
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });

// No test reads or writes the keys, trust and audit log of whoever runs it.
process.env.VIVARIUM_HOME = join(tmpdir(), `vivarium-home-${process.pid}`);
