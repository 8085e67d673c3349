import { assemble } from '../../tools/metering/wat.ts';

/** JavaScript Promise Integration, which TypeScript's library does not know yet. */
const jspi = WebAssembly as typeof WebAssembly & {
  readonly Suspending: new (host: (n: number) => Promise<number>) => WebAssembly.ImportValue;
  promising(exported: WebAssembly.ExportValue): (n: number) => Promise<unknown>;
};

export interface Bare {
  /** A promising call of an export that calls nothing. */
  readonly nothing: (n: number) => Promise<unknown>;
  /** One that calls a suspending import as often as it is told. */
  readonly waits: (n: number) => Promise<unknown>;
}

/** What a runtime's turns stand beside: V8's own calls, of unmetered code, without anything around them. */
export async function bare(host: (n: number) => Promise<number>): Promise<Bare> {
  const bytes = await assemble(`(module
    (import "host" "number" (func $number (param i32) (result i32)))
    (func (export "nothing") (param i32) (result i32) (local.get 0))
    (func (export "waits") (param i32) (result i32) (local $sum i32)
      (loop $l
        (local.set $sum (i32.add (local.get $sum) (call $number (local.get 0))))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get $sum)))`);
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const { exports } = new WebAssembly.Instance(module, { host: { number: new jspi.Suspending(host) } });
  return {
    nothing: jspi.promising(exports.nothing as WebAssembly.ExportValue),
    waits: jspi.promising(exports.waits as WebAssembly.ExportValue),
  };
}
