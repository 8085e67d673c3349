const installed = new Set<object>();

/**
 * Makes values global. The bundler may have renamed a class or function because a source has one of the same name, so each gets its name
 * back, and objects of a class the tag that they have on the web.
 */
export function install(globals: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(globals)) {
    if (typeof value !== 'function') continue;
    Object.defineProperty(value, 'name', { value: name, configurable: true });
    if (!isClass(value)) continue;
    const { prototype } = value as { readonly prototype: object };
    installed.add(prototype);
    Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
  }
  Object.assign(globalThis, globals);
}

/** Whether an object is one of the web's, such as `Headers`, and not of the language or of the guest's own source. */
export function isOfWeb(value: object): boolean {
  for (let each: unknown = value; each !== null; each = Object.getPrototypeOf(each)) {
    if (installed.has(each as object)) return true;
  }
  return false;
}

/** Only a class has a `prototype` that is not writable. */
export function isClass(value: object): boolean {
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}
