import pLimit from 'p-limit';

/** Runs `task` for each item, some at a time. After the first failure no other begins; it throws once all have ended. */
export async function inParallel<Item>(
  items: Iterable<Item>,
  concurrency: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  const limit = pLimit({ concurrency, rejectOnClear: true });
  const running = Array.from(items, (item) => limit(task, item));
  try {
    await Promise.all(running);
  } catch (error) {
    limit.clearQueue();
    await Promise.allSettled(running);
    throw error;
  }
}
