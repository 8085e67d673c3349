import pLimit from 'p-limit';

/**
 * Runs `task` for each item, several at a time. After a failure no further task begins, and the function throws when
 * all running ones have ended.
 */
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
