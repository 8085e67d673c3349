import type { ActorCell, PendingRequest } from './actor-cell.ts';

/** How often the actors that may be stuck are looked at again. What is not found then is ended by its time. */
const MOST_PASSES = 8;

/**
 * Returns the circle of actors in which a request waits for itself, as ids from the asker back to the asker, or
 * undefined. An actor waits for another while its turn is suspended in an `ask`; one whose turns run side by side, while all of its
 * places are taken by such turns.
 */
export function deadlockOf(request: PendingRequest): readonly string[] | undefined {
  const asker = request.from;
  if (asker === undefined || !waits(request)) return undefined;
  if (request.target !== asker && !request.target.hasOpenRequests) return undefined;
  const circle = circleOf(request.target, asker);
  if (circle === undefined) return undefined;
  if (circle.some(({ concurrency }) => concurrency > 1) && !isStuck(request.target, asker)) return undefined;
  return circle.map(({ key }) => key);
}

/** A circle from the asker through the target back to the asker. */
function circleOf(target: ActorCell, asker: ActorCell): readonly ActorCell[] | undefined {
  const visited = new Set<ActorCell>();
  const path = [asker];

  const search = (cell: ActorCell): boolean => {
    path.push(cell);
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
  return search(target) ? path : undefined;
}

/** Whether an actor can begin no turn before the asker's turn goes on: neither can any for which its turns wait. */
function isStuck(target: ActorCell, asker: ActorCell): boolean {
  const stuck = new Set([asker]);
  // The set grows while it is walked over.
  for (const cell of stuck) for (const next of cell.openRequests.all()) if (waits(next)) stuck.add(next.target);
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    let isStable = true;
    for (const cell of stuck) {
      if (waitsFor(cell, stuck)) continue;
      stuck.delete(cell);
      isStable = false;
    }
    if (isStable) return stuck.has(target) && stuck.has(asker);
    if (!stuck.has(target)) return false;
  }
  return false;
}

/** Whether all places of an actor are taken by turns that wait for one of these. */
function waitsFor(cell: ActorCell, others: ReadonlySet<ActorCell>): boolean {
  const waiting = new Set<unknown>();
  for (const request of cell.openRequests.all()) {
    if (waits(request) && others.has(request.target)) waiting.add(request.asker?.madeIn);
  }
  if (cell.concurrency === 1) return waiting.size > 0;
  const turns = cell.beside < cell.concurrency ? undefined : cell.allBesides;
  return turns !== undefined && [...turns].every((turn) => waiting.has(turn));
}

/** Whether the turn that made the request is still running and waits for its end. */
function waits({ asker, end }: PendingRequest): boolean {
  if (asker?.suspendsTurn !== true || end !== undefined) return false;
  const { cell, madeIn } = asker;
  return madeIn === undefined ? cell.current === undefined : cell.runs(madeIn);
}
