/*
 * JavaScript Promise Integration: https://github.com/WebAssembly/js-promise-integration. Node has it from version 24 on, and
 * TypeScript's library does not know it yet.
 */
interface PromiseIntegration {
  readonly Suspending: new (host: (...args: never[]) => Promise<unknown>) => WebAssembly.ImportValue;
  promising(exported: WebAssembly.ExportValue): (...args: never[]) => Promise<unknown>;
}

const jspi = WebAssembly as typeof WebAssembly & PromiseIntegration;

/** Makes an import that suspends the guest's stack until its promise is settled. Every frame below the import must be a guest's. */
export function suspending(host: (...args: never[]) => Promise<unknown>): WebAssembly.ImportValue {
  return new jspi.Suspending(host);
}

/** Makes a function that calls an export on a stack of its own, which imports may suspend. */
export function promising(exported: WebAssembly.ExportValue): (...args: never[]) => Promise<unknown> {
  return jspi.promising(exported);
}

/**
 * Whether a suspendable stack may make any number of promising calls in a row. In V8 13.6, which is Node 24's, some hundred of them
 * without a round of the event loop fail with `RangeError: Maximum call stack size exceeded`; V8 14 makes 100,000.
 */
export const MAY_NEST_CALLS: boolean = Number.parseInt(process.versions.v8, 10) >= 14;
