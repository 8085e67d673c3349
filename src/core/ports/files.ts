/** A folder of the host, with the name by which a component knows it. */
export interface Preopen {
  /** The component's name for it: an absolute path such as `/data`. */
  readonly guestPath: string;
  readonly hostPath: string;
}
