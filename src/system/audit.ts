import { join } from 'node:path';
import { formatComponentId } from '#core';
import { messageOf } from '#core/errors';
import type { AuditLog } from '#core/ports/audit';
import type { Clock } from '#core/ports/clock';
import type { StateChange } from '#runtime';
import { AuditFolder, FileAuditLog, foldAudit, MemoryAuditLog } from '#security/audit';
import type { MachineSecret } from '#security/keys';
import type { RuntimeEmitter } from './events.ts';

/** Returns the folder of the audit log in a home folder. */
export function auditFolder(home: string, secret: MachineSecret, clock: Clock): AuditFolder {
  return new AuditFolder(join(home, 'audit'), secret, clock);
}

/** Opens a runtime's audit log. Repeated refusals and failures are folded, so that a guest cannot flood the log. */
export function openAudit(
  kind: 'file' | 'memory',
  folder: () => AuditFolder,
  clock: Clock,
  events: RuntimeEmitter,
): AuditLog {
  if (kind === 'memory') return foldAudit(new MemoryAuditLog(), { clock });
  const onError = (cause: unknown): void =>
    events.emit('warning', { message: `the audit log cannot be written: ${messageOf(cause)}`, cause });
  return foldAudit(new FileAuditLog({ folder: folder(), clock, onError }), { clock });
}

/** Writes the failures, restarts and ends of components, and supervisors that gave up, to the audit log. */
export function recordLives(audit: AuditLog, events: RuntimeEmitter): void {
  events.on('state', ({ handle, to, reason }: StateChange) => {
    const component = formatComponentId(handle.id);
    if (to === 'failed') audit.append({ action: 'fail', component, outcome: 'failed', detail: reason });
    else if (to === 'restarting') audit.append({ action: 'restart', component, outcome: 'done', detail: reason });
    else if (to === 'stopped') audit.append({ action: 'unload', component, outcome: 'done', detail: reason });
  });
  events.on('gave-up', ({ supervisor, reason }) => {
    audit.append({ action: 'give-up', component: supervisor, outcome: 'failed', detail: reason.message });
  });
}
