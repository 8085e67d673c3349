/** The actions of each area that can be granted. */
export interface GrantActions {
  readonly messaging: 'send' | 'request' | 'broadcast' | 'publish' | 'subscribe';
  readonly storage: 'read' | 'write' | 'delete';
  readonly network: 'connect' | 'listen' | 'send';
  readonly filesystem: 'read' | 'write';
  readonly environment: 'read';
  readonly clock: 'resolution';
}

export type Area = keyof GrantActions;
export type Action<A extends Area = Area> = GrantActions[A];

/** What one component may do. Every host function asks before it acts, at each use, about the resolved target. */
export interface ComponentAuthority {
  /** Whether an action is allowed. Nothing is recorded: lists use this to show a component only what it may read. */
  allows<A extends Area>(area: A, action: Action<A>, target: string): boolean;
  /**
   * Throws unless an action is allowed, and records the refusal. @throws an error with the code
   * `SECURITY_PERMISSION_DENIED`
   */
  check<A extends Area>(area: A, action: Action<A>, target: string): void;
  /** The resolution of the component's clocks in nanoseconds. */
  clockResolutionNs(): number;
}
