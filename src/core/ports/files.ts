/** A folder of the host under the name by which a component knows it. */
export interface Preopen {
  /** As the component sees it: an absolute path such as `/data`. */
  readonly guestPath: string;
  readonly hostPath: string;
}
