/** Where one host function or resource class of a plan is found among a component's imports. */
export interface HostSlot {
  /** The interface, or the function's own name when the world imports it by itself. */
  readonly from: string;
  /** The property there: a function or a class. */
  readonly property: string;
}

/** A host function that a component calls. */
export interface HostFunction extends HostSlot {
  /** Its name in WIT, as `ns:pkg/iface@1.0.0#[method]cart.add`. */
  readonly name: string;
}
