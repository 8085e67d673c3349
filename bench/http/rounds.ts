/** What of all processor time is in rounds that are longer than the value that is told. */
const SHARE = 0.1;
const SECOND_MS = 1_000;

/**
 * Measures for a second how long the event loop is away from its sockets: the processor time of the thread from one round of the loop to
 * the next, which other work of the machine does not change. What comes meanwhile waits as long.
 * @returns the 90th percentile in milliseconds. Rounds are weighed by their length, because what comes at any time meets a long one more often
 */
export async function longestRound(): Promise<number> {
  const rounds: number[] = [];
  const ends = performance.now() + SECOND_MS;
  let before = used();
  while (performance.now() < ends) {
    await new Promise(setImmediate);
    const now = used();
    rounds.push(now - before);
    before = now;
  }
  rounds.sort((one, other) => other - one);
  const all = rounds.reduce((sum, each) => sum + each, 0);
  let sum = 0;
  for (const each of rounds) {
    sum += each;
    if (sum >= SHARE * all) return each;
  }
  return 0;
}

function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
