import { formatComponentId } from '#core';
import type { Clock } from '#core/ports/clock';
import type { LoadedComponent } from '#runtime/store';
import { RuntimeError } from '../errors.ts';

/**
 * Refuses a new version that cannot be called as the old one is: requests, routes and mailboxes stay with the component, and each of them
 * would fail from then on.
 * @throws {RuntimeError} `RUNTIME_MISSING_EXPORT`
 */
export function refuseToAnswerLess({ handle, code: old }: LoadedComponent, { code }: LoadedComponent): void {
  const says =
    old.handler !== undefined && code.handler === undefined
      ? 'answers HTTP requests, and the new version does not: it exports neither wasi:http/handler@0.3 nor wasi:http/incoming-handler@0.2'
      : old.lifecycle !== undefined && code.lifecycle === undefined
        ? 'is an actor, and the new version is none: it does not export vivarium:actor/lifecycle'
        : undefined;
  if (says === undefined) return;
  const id = formatComponentId(handle.id);
  throw new RuntimeError('RUNTIME_MISSING_EXPORT', `${id} ${says}`, { details: { component: id } });
}

/** Resolves when a version that was replaced does nothing any more. What it still does when its time is over is ended. */
export async function servedOrEnded(
  old: LoadedComponent,
  timeoutMs: number,
  clock: Pick<Clock, 'after'>,
): Promise<void> {
  const message = `${formatComponentId(old.handle.id)} was replaced, and its old version had ${timeoutMs} ms to end its requests`;
  const stopTimer = clock.after(timeoutMs, () => old.endServed(new RuntimeError('RUNTIME_INSTANCE_ENDED', message)));
  await old.replaced();
  stopTimer();
}
