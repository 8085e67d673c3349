/** Makes the use of what a guest has not an error that names it, and says what to take. */
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
