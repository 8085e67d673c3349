import type { ActorCell, PendingRequest } from './actor-cell.ts';

/**
 * Returns the circle of actors in which a request waits for itself, as ids from the asker back to the asker, or
 * undefined. An actor waits for another while its turn is suspended in an `ask`.
 */
export function deadlockOf(request: PendingRequest): readonly string[] | undefined {
  const asker = request.from;
  if (asker === undefined || !waits(request)) return undefined;
  if (request.target !== asker && !request.target.hasOpenRequests) return undefined;
  const visited = new Set<ActorCell>();
  const path = [asker.key];

  const search = (cell: ActorCell): boolean => {
    path.push(cell.key);
    if (cell === asker) return true;
    if (!visited.has(cell)) {
      visited.add(cell);
      for (const next of cell.openRequests.all()) {
        if (waits(next) && search(next.target)) return true;
      }
    }
    path.pop();
    return false;
  };
  return search(request.target) ? path : undefined;
}

/** Whether the turn that made the request is still running and waits for its end. */
function waits({ asker, end }: PendingRequest): boolean {
  return asker?.suspendsTurn === true && end === undefined && asker.cell.current === asker.madeIn;
}
