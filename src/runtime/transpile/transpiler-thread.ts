import { Worker } from 'node:worker_threads';
import { fromWire, type WireError } from '#runtime/build';
import type { TranspiledComponent } from './transpile.ts';

export type TranspilerAnswer = { readonly transpiled: TranspiledComponent } | { readonly error: WireError };

/** The outcome of transpiling. For a refusal, `isOrderly` says whether the transpiler is still usable. */
export type Transpiled = { readonly transpiled: TranspiledComponent } | { readonly refusal: Error };

const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './transpiler-child.ts' : './transpiler-child.js',
  import.meta.url,
);

/**
 * Transpiles in a separate thread, one component at a time, so that the build's own thread can meter meanwhile. The thread loads the
 * transpiler when it starts, before the first request arrives.
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
  // The thread must not keep the build child alive: the child lives only as long as the channel to its parent is open.
  worker.unref();
  return worker;
}
