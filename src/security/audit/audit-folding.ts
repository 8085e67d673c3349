import type { AuditEntry, AuditLog } from '#core/ports/audit';
import { Folding, type FoldingOptions } from '../folding.ts';

/** What clients of the management API may do often enough to push everything else out of the log. */
const OFTEN: ReadonlySet<string> = new Set(['manage:send']);

/**
 * Keeps guests and clients from flooding the log with events that they can cause at will: refusals, failures and messages. The
 * messages are counted apart, so that a guest's refusals cannot hide who sent something.
 */
export function foldAudit(inner: AuditLog, options: FoldingOptions): AuditLog {
  const folding = new Folding<AuditEntry>(
    {
      first: (entry) => inner.append(entry),
      again: (entry, count) => inner.append({ ...entry, count }),
      further: ({ component, outcome: last }, count) => {
        const [outcome, what] =
          last === 'done' ? (['done', 'messages'] as const) : (['denied', 'refusals and failures'] as const);
        inner.append({ action: 'folded', component, outcome, detail: `${what} of further kinds`, count });
      },
    },
    options,
  );
  return {
    append(entry) {
      const { component, outcome, action, target } = entry;
      const isOften = OFTEN.has(action);
      if (outcome !== 'denied' && outcome !== 'failed' && !isOften) inner.append(entry);
      else
        folding.add(isOften ? `clients of ${component}` : component, JSON.stringify([outcome, action, target]), entry);
    },
    close() {
      folding.end();
      return inner.close();
    },
  };
}
