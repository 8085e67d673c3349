// Runs in the server that the soak measures: collects all garbage when it is asked, and tells the bytes that are left.
import { memoryUsage } from 'node:process';

process.on('message', () => {
  // The second collection finds what finalizers have released.
  for (let round = 0; round < 2; round += 1) globalThis.gc?.();
  const { heapUsed, external } = memoryUsage();
  process.send?.(heapUsed + external);
});
// The server ends as it would without this channel.
process.channel?.unref();
