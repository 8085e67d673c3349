// The same echo of some bytes, answered by other ways to run or to isolate an actor.
import { Worker } from 'node:worker_threads';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import createPlugin from '@extism/extism';
import { dispatch, query, type Ref, spawnStateless, start as startNact, stop } from 'nact';
import { createActor, setup } from 'xstate';

export interface Peer extends AsyncDisposable {
  readonly name: string;
  echo(payload: Uint8Array): Promise<Uint8Array | null>;
}

/** The plugin copies its input, eight bytes at a time as Extism's own guests do; calls are made in this thread. */
async function extism(): Promise<Peer> {
  const wasm = await parse(`(module
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "input_load_u64" (func $load (param i64) (result i64)))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (memory (export "memory") 1)
    (func (export "echo") (result i32) (local $at i64) (local $to i64) (local $size i64)
      (local.set $size (call $length))
      (local.set $to (call $alloc (local.get $size)))
      (block $done (loop $next
        (br_if $done (i64.ge_u (local.get $at) (local.get $size)))
        (call $store (i64.add (local.get $to) (local.get $at)) (call $load (local.get $at)))
        (local.set $at (i64.add (local.get $at) (i64.const 8)))
        (br $next)))
      (call $output (local.get $to) (local.get $size))
      (i32.const 0)))`);
  const plugin = await createPlugin({ wasm: [{ data: wasm }] }, { useWasi: false });
  let calls = 0;
  return {
    name: 'Extism JavaScript SDK',
    echo: async (payload) => {
      // Its blocks are kept until a reset, and it has addresses for 32,768.
      calls += 1;
      if (calls % 1_000 === 0) await plugin.reset();
      const answer = await plugin.call('echo', payload);
      return answer === null ? null : answer.bytes();
    },
    [Symbol.asyncDispose]: () => plugin.close(),
  };
}

async function workerThread(): Promise<Peer> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     parentPort.on('message', ({ id, payload }) => parentPort.postMessage({ id, payload }));`,
    { eval: true },
  );
  const waiting = new Map<number, (payload: Uint8Array) => void>();
  let last = 0;
  worker.on('message', ({ id, payload }: { id: number; payload: Uint8Array }) => {
    waiting.get(id)?.(payload);
    waiting.delete(id);
  });
  return {
    name: 'worker_threads',
    echo: (payload) =>
      new Promise((resolve) => {
        last += 1;
        waiting.set(last, resolve);
        worker.postMessage({ id: last, payload });
      }),
    [Symbol.asyncDispose]: async () => {
      await worker.terminate();
    },
  };
}

interface Ask {
  readonly payload: Uint8Array;
  readonly sender: Ref<Uint8Array>;
}

function nact(): Peer {
  const system = startNact();
  const actor = spawnStateless(system, ({ payload, sender }: Ask) => dispatch(sender, payload));
  return {
    name: 'nact query',
    echo: (payload) => query(actor, (sender: Ref<Uint8Array>): Ask => ({ payload, sender }), 5_000),
    [Symbol.asyncDispose]: async () => stop(system),
  };
}

type EchoEvent = { type: 'echo'; payload: Uint8Array; answer: (payload: Uint8Array) => void };

/** A machine has no answers: the event carries the function that takes it. */
function xstate(): Peer {
  const machine = setup({ types: { events: {} as EchoEvent } }).createMachine({
    on: { echo: { actions: ({ event }) => event.answer(event.payload) } },
  });
  const actor = createActor(machine).start();
  return {
    name: 'xstate machine',
    echo: (payload) => new Promise((resolve) => actor.send({ type: 'echo', payload, answer: resolve })),
    [Symbol.asyncDispose]: async () => {
      actor.stop();
    },
  };
}

export async function peers(): Promise<readonly Peer[]> {
  return [await extism(), await workerThread(), nact(), xstate()];
}
