// The program of the thread in which a build child transpiles; see TranspilerThread.
import { setFlagsFromString } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { toWire } from '#runtime/build';
import { isOrderly } from './reader-reason.ts';
import { loadTranspiler, transpile } from './transpile.ts';
import type { TranspilerAnswer } from './transpiler-thread.ts';

// Keep the transpiler's own code at the baseline tier. Most children transpile only a few components, and the optimising compiler
// would spend more processor time on the transpiler, in threads beside this one, than the transpiling takes.
setFlagsFromString('--wasm-tiering-budget=1000000000');
void loadTranspiler();

parentPort?.on('message', (component: Uint8Array) => {
  void transpile(component)
    .then(
      (transpiled): TranspilerAnswer => ({ transpiled }),
      (thrown): TranspilerAnswer => {
        const { cause, ...error } = toWire(thrown);
        // A cause loses its class on the way, and only its class distinguishes a refusal from a panic. So only a panic keeps its cause.
        return { error: { ...error, cause: isOrderly(thrown) ? undefined : cause } };
      },
    )
    .then((answer) => parentPort?.postMessage(answer));
});
