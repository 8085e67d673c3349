/** A trap that the canonical ABI asks for. JavaScript makes it, so a guest could catch it: host code that catches it must stop the store. */
export class AbiTrap extends WebAssembly.RuntimeError {}

export function trap(message: string): never {
  throw new AbiTrap(message);
}
