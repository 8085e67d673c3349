/** Defines a property that throws when it is read. The error names what a guest does not have, and says what to use instead. */
export function missing(target: object, key: string, name: string, instead: string): void {
  Object.defineProperty(target, key, {
    configurable: true,
    get() {
      throw new ReferenceError(`${name} is not there in a guest: ${instead}`);
    },
    set(value: unknown) {
      Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: true });
    },
  });
}
