/** A trap that the canonical ABI asks for. Made in JavaScript, so a guest could catch it: whoever catches it, stops the store. */
export class AbiTrap extends WebAssembly.RuntimeError {}

export function trap(message: string): never {
  throw new AbiTrap(message);
}
