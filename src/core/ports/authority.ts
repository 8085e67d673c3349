/** What can be granted: the actions of each area. */
export interface GrantActions {
  readonly messaging: 'send' | 'request' | 'broadcast' | 'publish' | 'subscribe';
  readonly storage: 'read' | 'write' | 'delete';
  readonly network: 'connect';
  readonly filesystem: 'read' | 'write';
  readonly environment: 'read';
  readonly clock: 'resolution';
}

export type Area = keyof GrantActions;
export type Action<A extends Area = Area> = GrantActions[A];

/** What one component may do: asked by every host function before it acts, at each use, on the resolved target. */
export interface ComponentAuthority {
  /** Whether it may. Nothing is recorded: for lists, of which a component sees the part that it may read. */
  allows<A extends Area>(area: A, action: Action<A>, target: string): boolean;
  /** Ends here unless it may; a refusal is recorded. @throws an error with the code `SECURITY_PERMISSION_DENIED` */
  check<A extends Area>(area: A, action: Action<A>, target: string): void;
  /** What its clocks are rounded to, in nanoseconds. */
  clockResolutionNs(): number;
}
