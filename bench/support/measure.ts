/** The median of an odd number of rounds; each round answers microseconds (or whatever it measures). */
export async function median(rounds: number, measure: () => number | Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < rounds; i++) values.push(await measure());
  values.sort((a, b) => a - b);
  return values[values.length >> 1] as number;
}

/** Two measures in turn, so that a machine whose speed drifts slows both; answers both medians. */
export async function paired(
  rounds: number,
  a: () => number | Promise<number>,
  b: () => number | Promise<number>,
): Promise<{ a: number; b: number; ratio: number }> {
  const as: number[] = [];
  const bs: number[] = [];
  const ratios: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const [x, y] = [await a(), await b()];
    as.push(x);
    bs.push(y);
    ratios.push(x / y);
  }
  const middle = (values: number[]): number => values.sort((x, y) => x - y)[values.length >> 1] as number;
  return { a: middle(as), b: middle(bs), ratio: middle(ratios) };
}
