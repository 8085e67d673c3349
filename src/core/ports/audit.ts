/** One thing that happened and that must stay on record. */
export interface AuditEntry {
  readonly action: string;
  /** The component that acted or was acted on, as text. */
  readonly component: string;
  readonly target?: string | undefined;
  readonly outcome: 'granted' | 'denied' | 'done' | 'failed';
  readonly detail?: string | undefined;
}

/** Where grants, denials, loads, failures and restarts are recorded. Appending never throws into the caller's turn. */
export interface AuditLog {
  append(entry: AuditEntry): void;
  close(): Promise<void>;
}
