import { Worker } from 'node:worker_threads';
import { programBeside } from '#processes';
import { fromWire, type WireError } from '#runtime/build';
import type { ComponentTools, Tool, ToolOutcome } from './component-tools.ts';

/** What the thread sends back. A class does not survive the way, so `isUsable` is decided in the thread. */
export type ToolAnswer =
  | Exclude<ToolOutcome, { readonly refusal: Error }>
  | { readonly error: WireError; readonly isUsable: boolean };

const PROGRAM = programBeside(import.meta.url, './tool-thread-program', '../../start/tool-thread');

/** Runs tools in a separate thread, so that the build's own thread can meter meanwhile. */
export class ToolThread implements ComponentTools {
  #worker: Worker | undefined;

  run(tool: Tool, component: Uint8Array<ArrayBuffer>): Promise<ToolOutcome> {
    const worker = this.start();
    const { promise, resolve } = Promise.withResolvers<ToolOutcome>();
    const onMessage = (answer: ToolAnswer): void =>
      resolve('error' in answer ? { refusal: fromWire(answer.error), isUsable: answer.isUsable } : answer);
    const onError = (refusal: Error): void => {
      this.#worker = undefined;
      resolve({ refusal, isUsable: false });
    };
    worker.once('message', onMessage).once('error', onError);
    worker.postMessage({ tool, component }, [component.buffer]);
    return promise.finally(() => worker.off('message', onMessage).off('error', onError));
  }

  /** Starts the thread, if it does not run. */
  start(): Worker {
    this.#worker ??= new Worker(PROGRAM);
    // The thread must not keep the build child alive: the child lives only as long as the channel to its parent is open.
    this.#worker.unref();
    return this.#worker;
  }
}
