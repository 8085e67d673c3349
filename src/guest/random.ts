const cells = new Uint32Array(4);

let draw = Math.random;
// Set while the component is built, so that a source that keeps the function then (`const { random } = Math`) is seeded too.
Math.random = () => draw();

/**
 * Gives `Math.random` a seed of this instance's own. componentize-qjs freezes the seed when it builds the component, so all
 * instances would otherwise draw the same numbers. Must be called in a turn, because no import works while the component is built.
 */
export function seedMathRandom(getRandomBytes: (length: number) => Uint8Array): void {
  const seed = getRandomBytes(16);
  cells.fill(0);
  for (let index = 0; index < 16; index++) cells[index >> 2]! |= seed[index]! << (8 * (index & 3));
  draw = () => (next() * 2 ** 21 + (next() >>> 11)) / 2 ** 53;
}

/** The generator sfc32 of PractRand. It is small and fast, and good enough for everything except secrets. */
function next(): number {
  const [a = 0, b = 0, c = 0, counter = 0] = cells;
  const sum = (a + b + counter) >>> 0;
  cells[0] = b ^ (b >>> 9);
  cells[1] = c + (c << 3);
  cells[2] = ((c << 21) | (c >>> 11)) + sum;
  cells[3] = counter + 1;
  return sum;
}
