/** As many runs as a property is given, or as many as fit into some seconds of a busy machine. */
export function runs(numRuns: number): { numRuns: number; interruptAfterTimeLimit: number } {
  return { numRuns, interruptAfterTimeLimit: 8_000 };
}
