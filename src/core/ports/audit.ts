/** One thing that happened and that must stay on record. */
export interface AuditEntry {
  /** What was done or tried: `load`, `grant`, `restart`, or an area and action such as `storage:write`. */
  readonly action: string;
  /** The component that acted or was acted on, as text. */
  readonly component: string;
  readonly target?: string | undefined;
  readonly outcome: 'granted' | 'denied' | 'done' | 'failed';
  readonly detail?: string | undefined;
  /** How often it happened, where several are written as one; absent: once. */
  readonly count?: number | undefined;
}

/** Where grants, denials, loads, failures and restarts are recorded. */
export interface AuditLog {
  /** Takes the entry and returns at once: writing it happens later, and what goes wrong then never reaches the caller. */
  append(entry: AuditEntry): void;
  /** Writes what is left. */
  close(): Promise<void>;
}
