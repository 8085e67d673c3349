import { Worker } from 'node:worker_threads';
import { fromWire, type WireError } from '#runtime/build';
import type { TranspiledComponent } from './transpile.ts';

export type TranspilerAnswer = { readonly transpiled: TranspiledComponent } | { readonly error: WireError };

/** What the transpiler came to: `isOrderly` says of a refusal whether the transpiler is fit for more. */
export type Transpiled = { readonly transpiled: TranspiledComponent } | { readonly refusal: Error };

const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './transpiler-child.ts' : './transpiler-child.js',
  import.meta.url,
);

/**
 * Transpiles in a thread of its own, so that the build's own thread can meter meanwhile. It does one component at a time.
 * The transpiler is loaded when the thread starts, before there is anything to do.
 */
export class TranspilerThread {
  #worker: Worker = start();

  transpile(component: Uint8Array<ArrayBuffer>): Promise<Transpiled> {
    const worker = this.#worker;
    const { promise, resolve } = Promise.withResolvers<Transpiled>();
    const onMessage = (answer: TranspilerAnswer): void =>
      resolve('transpiled' in answer ? answer : { refusal: fromWire(answer.error) });
    const onError = (refusal: Error): void => {
      this.#worker = start();
      resolve({ refusal });
    };
    worker.once('message', onMessage).once('error', onError);
    worker.postMessage(component, [component.buffer]);
    return promise.finally(() => worker.off('message', onMessage).off('error', onError));
  }
}

function start(): Worker {
  const worker = new Worker(PROGRAM);
  // The build child lives as long as its parent's channel is open.
  worker.unref();
  return worker;
}
