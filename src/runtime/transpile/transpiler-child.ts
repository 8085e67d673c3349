// The program of the thread in which a build child transpiles; see TranspilerThread.
import { setFlagsFromString } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { toWire } from '#runtime/build';
import { isOrderly } from './reader-reason.ts';
import { loadTranspiler, transpile } from './transpile.ts';
import type { TranspilerAnswer } from './transpiler-thread.ts';

// Most children transpile one component or a few: what the optimising compiler would take for the transpiler, in threads beside
// this one, is more than the transpiling itself.
setFlagsFromString('--wasm-tiering-budget=1000000000');
void loadTranspiler();

parentPort?.on('message', (component: Uint8Array) => {
  void transpile(component)
    .then(
      (transpiled): TranspilerAnswer => ({ transpiled }),
      (thrown): TranspilerAnswer => {
        const { cause, ...error } = toWire(thrown);
        // A cause that crosses loses its class, by which a refusal is told from a panic: it goes along for a panic only.
        return { error: { ...error, cause: isOrderly(thrown) ? undefined : cause } };
      },
    )
    .then((answer) => parentPort?.postMessage(answer));
});
