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
  /**
   * The same with what every turn that waits must do, written by hand: the import is called plainly first and again for its
   * answer, the promise can be left early to end the turn, and the clock is read on both sides of the wait.
   */
  readonly waitsAsTurns: (n: number) => Promise<unknown>;
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
  const protocol = await assemble(`(module
    (import "host" "number" (func $number (param i32) (result i64)))
    (import "host" "suspend" (func $suspend (result externref)))
    (import "host" "resumed" (func $resumed (param externref) (result f64)))
    (func (export "waits") (param i32) (result i64) (local $sum i64)
      (loop $l
        (drop (call $number (local.get 0)))
        (drop (call $resumed (call $suspend)))
        (local.set $sum (i64.add (local.get $sum) (call $number (local.get 0))))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get $sum)))`);
  const byHand = new WebAssembly.Module(protocol as Uint8Array<ArrayBuffer>);
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const { exports } = new WebAssembly.Instance(module, { host: { number: new jspi.Suspending(host) } });
  return {
    nothing: jspi.promising(exports.nothing as WebAssembly.ExportValue),
    waits: jspi.promising(exports.waits as WebAssembly.ExportValue),
    waitsAsTurns: jspi.promising(
      new WebAssembly.Instance(byHand, { host: waitByHand(host) }).exports.waits as WebAssembly.ExportValue,
    ),
  };
}

/** The imports of one call at a time, with nothing around them. */
function waitByHand(host: (n: number) => Promise<number>): WebAssembly.ModuleImports {
  let promise: Promise<number> | undefined;
  let answer: number | undefined;
  let waited = 0;
  let resolver: (token: object) => void;
  let goOn: (token: object) => void;
  const token = {};
  const take = (resolve: (token: object) => void): void => {
    resolver = resolve;
  };
  const kept = (value: number): void => {
    answer = value;
    goOn(token);
  };
  const broken = (): void => goOn(token);
  return {
    number: (n: number) => {
      if (answer !== undefined) {
        const taken = BigInt(answer);
        answer = undefined;
        return taken;
      }
      promise = host(n);
      return 0n;
    },
    suspend: new jspi.Suspending(() => {
      waited -= performance.now();
      const suspended = new Promise<object>(take);
      goOn = resolver;
      (promise as Promise<number>).then(kept, broken);
      return suspended as never;
    }),
    resumed: () => {
      waited += performance.now();
      return waited;
    },
  };
}
