import type { AuditEntry, AuditLog } from '#core/ports/audit';
import { Folding, type FoldingOptions } from '../folding.ts';

/** Keeps a guest from flooding the log with events that it can cause at will: refusals and failures. */
export function foldAudit(inner: AuditLog, options: FoldingOptions): AuditLog {
  const folding = new Folding<AuditEntry>(
    {
      first: (entry) => inner.append(entry),
      again: (entry, count) => inner.append({ ...entry, count }),
      further: ({ component }, count) => {
        const detail = 'refusals and failures of further kinds';
        inner.append({ action: 'folded', component, outcome: 'denied', detail, count });
      },
    },
    options,
  );
  return {
    append(entry) {
      const { component, outcome, action, target } = entry;
      if (outcome !== 'denied' && outcome !== 'failed') inner.append(entry);
      else folding.add(component, JSON.stringify([outcome, action, target]), entry);
    },
    close() {
      folding.end();
      return inner.close();
    },
  };
}
