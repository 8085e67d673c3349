/** An event that must be recorded. */
export interface AuditEntry {
  /** What was done or tried: `load`, `grant`, `restart`, or an area and action such as `storage:write`. */
  readonly action: string;
  /** The component that acted or was acted on, as text. */
  readonly component: string;
  readonly target?: string | undefined;
  readonly outcome: 'granted' | 'denied' | 'done' | 'failed';
  readonly detail?: string | undefined;
  /** How often it happened, if several events are written as one; once when absent. */
  readonly count?: number | undefined;
}

/** Records grants, denials, loads, failures and restarts. */
export interface AuditLog {
  /** Accepts the entry and returns at once. It is written later, and errors of writing never reach the caller. */
  append(entry: AuditEntry): void;
  /** Writes all remaining entries. */
  close(): Promise<void>;
}
