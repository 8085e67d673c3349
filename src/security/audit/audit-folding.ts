import type { AuditEntry, AuditLog, Clock, StopTimer } from '#core';
import { getOrMake } from '../get-or-make.ts';

export interface FoldingOptions {
  readonly clock: Clock;
  /** Milliseconds over which equal entries become one; default 10,000. */
  readonly windowMs?: number | undefined;
  /** Different refusals and failures of one component that are written out in a window; default 20. */
  readonly maxDistinct?: number | undefined;
}

/** What one component did in a window. */
interface Window {
  readonly seen: Map<string, { readonly entry: AuditEntry; again: number }>;
  others: number;
}

/**
 * Keeps a guest from flooding the log by what it can bring about at will: refusals and failures. The first of a kind is
 * written at once; the rest of the window's are counted and written as one line at its end, and so are those of further
 * kinds once there were many. A component writes at most `2 * maxDistinct + 1` lines in a window.
 */
export function foldAudit(inner: AuditLog, options: FoldingOptions): AuditLog {
  const { clock, windowMs = 10_000, maxDistinct = 20 } = options;
  const windows = new Map<string, Window>();
  let stop: StopTimer | undefined;

  function endWindows(): void {
    stop?.();
    stop = undefined;
    for (const [component, window] of windows) {
      for (const { entry, again } of window.seen.values()) if (again > 0) inner.append({ ...entry, count: again });
      if (window.others > 0) {
        const detail = 'refusals and failures of further kinds';
        inner.append({ action: 'folded', component, outcome: 'denied', detail, count: window.others });
      }
    }
    windows.clear();
  }

  function fold(entry: AuditEntry): void {
    const window = getOrMake(windows, entry.component, (): Window => ({ seen: new Map(), others: 0 }));
    stop ??= clock.after(windowMs, endWindows);
    const kind = JSON.stringify([entry.outcome, entry.action, entry.target]);
    const known = window.seen.get(kind);
    if (known !== undefined) known.again += 1;
    else if (window.seen.size >= maxDistinct) window.others += 1;
    else {
      window.seen.set(kind, { entry, again: 0 });
      inner.append(entry);
    }
  }

  return {
    append(entry) {
      if (entry.outcome === 'denied' || entry.outcome === 'failed') fold(entry);
      else inner.append(entry);
    },
    close() {
      endWindows();
      return inner.close();
    },
  };
}
