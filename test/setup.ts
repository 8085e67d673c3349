import fc from 'fast-check';

// A failing property prints its seed; `npm test -- --seed N` runs every property with that one.
const seed = process.env.VIVARIUM_TEST_SEED;
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });
