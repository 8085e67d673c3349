import { isVivariumError, messageOf } from '#core/errors';
import type { AuditEntry } from '#core/ports/audit';
import type { InternalContext } from '../internal-routes.ts';
import { Refused } from './body.ts';
import type { Managed } from './managed.ts';
import { idOf } from './named.ts';

/** What clients do that the audit log has. */
export type ManagedAction = 'manage:load' | 'manage:replace' | 'manage:unload' | 'manage:send';

/** Runs what a client asked for, and writes to the audit log which token it had and how it ended. @throws what `run` throws */
export async function recorded<T>(
  managed: Managed,
  request: Request,
  context: InternalContext,
  action: ManagedAction,
  run: () => Promise<T>,
): Promise<T> {
  const { runtime, clientOf } = managed;
  const by: Pick<AuditEntry, 'action' | 'component' | 'target'> = {
    action,
    component: idOf(context),
    target: `token ${clientOf(request) ?? 'that is no longer configured'}`,
  };
  try {
    const value = await run();
    runtime.audit({ ...by, outcome: 'done', detail: `from ${context.clientAddress}` });
    return value;
  } catch (error) {
    runtime.audit({ ...by, outcome: 'failed', detail: `from ${context.clientAddress}: ${reasonOf(error)}` });
    throw error;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  return isVivariumError(error) ? `${error.code}: ${messageOf(error)}` : messageOf(error);
}
