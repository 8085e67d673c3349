// What calls, waits and streams of components with asynchronous parts cost.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { createRuntime, type LoadOptions, type Runtime } from 'vivarium';
import { interleavingGuest } from '../../tools/components/interleaving-guest.ts';
import type { Report, RunGroup } from '../figure.ts';
import { median, paired } from '../support/measure.ts';
import { CALLBACK_GUEST, CONTEXT_GUEST, READING_GUEST, SYNCHRONOUS_GUEST } from './guests.ts';
import { wasmtimeCall } from './peer.ts';
import { BYTES as BYTE_STREAM, RECORDS as RECORD_STREAM, streamPair, writingGuest } from './stream-guests.ts';

const ROUNDS = 9;
/** Enough that the processor's clock, which ticks in milliseconds, tells them. */
const CALLS = 20_000;
const LONG: LoadOptions = { limits: { maxExecutionTimeMs: 60_000 } };
const BYTES = 256 * 2 ** 20;
const ITEMS = 1_000_000;

export const run: RunGroup = async (report) => {
  await using runtime = await createRuntime();
  await calls(runtime, report);
  await contexts(runtime, report);
  await peerCalls(report);
  await streams(runtime, report);
  await hostStreams(runtime, report);
  await streamsToHost(runtime, report);
  await waitingCalls(runtime, report);
};

/** Calls that wait at once: as many as one instance may serve. Each has a task, a set and a subtask. */
const WAITING = 10_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * Calls that wait side by side in one instance: what the runtime keeps of each, by V8's own count, before and after. What the embedder
 * keeps, its own promise and what resolves it, is measured alone and taken off. The same of an asynchronous function of JavaScript that awaits
 * the promise shows what any call that answers a promise and waits for one costs.
 */
async function waitingCalls(runtime: Runtime, report: Report): Promise<void> {
  const pending: (() => void)[] = [];
  const wait = (n: number): Promise<number> => new Promise((resolve) => pending.push(() => resolve(n)));
  const options: LoadOptions = { imports: { wait }, concurrency: WAITING, limits: { maxTurnTimeMs: 600_000 } };
  const handle = await runtime.load(await parse(interleavingGuest(false)), options);
  await runtime.load(await parse(interleavingGuest(false)), { ...options, id: 'bench/other/1' });
  const kept = async (): Promise<number> => {
    for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const keptOf = async (call: (n: number) => Promise<unknown>): Promise<number> => {
    const before = await kept();
    const calls = Array.from({ length: WAITING }, (_, n) => call(n % 2));
    while (pending.length < WAITING) await new Promise((resolve) => setImmediate(resolve));
    const after = await kept();
    for (const answer of pending.splice(0)) answer();
    await Promise.all(calls);
    return (after - before) / WAITING / 1_024;
  };
  const calling = (n: number): Promise<unknown> => runtime.call(handle, 'work', n);
  const awaiting = async (n: number): Promise<number> => (await wait(n)) + 1;
  // The first round compiles, and makes tables that the store keeps.
  for (const warm of [calling, awaiting, wait]) await keptOf(warm);
  const own = await keptOf(wait);
  const each = (await keptOf(calling)) - own;
  const floor = (await keptOf(awaiting)) - own;
  report({
    figure: '10,000 calls that wait in one instance, with all that the runtime keeps of a call',
    value: each,
    unit: 'KiB each',
    goal: '<= 1',
    holds: each <= 1,
  });
  const figure = '10,000 calls of an asynchronous function of JavaScript that await the same';
  report({ figure, value: floor, unit: 'KiB each', goal: 'shown', holds: true });
}

/** A stream that the host gives, read by a guest 64 KiB at a time. */
async function hostStreams(runtime: Runtime, report: Report): Promise<void> {
  const handle = await runtime.load(await parse(READING_GUEST), LONG);
  const piece = new Uint8Array(65_536);
  const pieces = function* (): Generator<Uint8Array> {
    for (let left = BYTES / piece.length; left > 0; left--) yield piece;
  };
  const rate = await median(
    3,
    async () => BYTES / 1e6 / (await spentBy(() => runtime.call(handle, 'bytes', pieces()))),
  );
  const figure = 'a stream of bytes from the host to a guest, 64 KiB at a time';
  report({ figure, value: rate, unit: 'GB/s', goal: '>= 1', holds: rate >= 1 });
}

/** Streams that a guest gives to a function of the embedder's, which reads them. */
async function streamsToHost(runtime: Runtime, report: Report): Promise<void> {
  const bytesOf = async (stream: AsyncIterable<Uint8Array>): Promise<number> => {
    let sum = 0;
    for await (const { length } of stream) sum += length;
    return sum;
  };
  const itemsOf = async (stream: AsyncIterable<unknown>): Promise<number> => {
    let sum = 0;
    for await (const _ of stream) sum += 1;
    return sum;
  };
  const bytes = await runtime.load(await parse(writingGuest(BYTE_STREAM)), { ...LONG, imports: { take: bytesOf } });
  const rate = await median(3, async () => BYTES / 1e6 / (await spentBy(() => runtime.call(bytes, 'send', BYTES))));
  const figure = 'a stream of bytes from a guest to the host, 64 KiB at a time';
  report({ figure, value: rate, unit: 'GB/s', goal: '>= 1', holds: rate >= 1 });
  const items = await runtime.load(await parse(writingGuest(RECORD_STREAM)), { ...LONG, imports: { take: itemsOf } });
  const many = await median(5, async () => ITEMS / 1e3 / (await spentBy(() => runtime.call(items, 'send', ITEMS))));
  reportItems(report, 'from a guest to the host', many);
}

function reportItems(report: Report, way: string, millions: number): void {
  const figure = `a million records of three numbers ${way}`;
  report({ figure, value: millions, unit: 'million/s', goal: '>= 1', holds: millions >= 1 });
}

/** A call of a synchronous export by the Python package of wasmtime, which is the runtime that the goals come from. */
async function peerCalls(report: Report): Promise<void> {
  const theirs = wasmtimeCall(await parse(SYNCHRONOUS_GUEST));
  if (theirs === undefined) {
    console.error('async: wasmtime is not installed, so it was not compared with; npm run oracle installs it');
    return;
  }
  const figure = "the call of a synchronous export by wasmtime's Python package, which has no asynchronous functions";
  report({ figure, value: theirs, unit: 'us', goal: 'shown', holds: true });
}

async function spentBy(work: () => Promise<unknown>): Promise<number> {
  const began = spentMs();
  await work();
  return spentMs() - began;
}

/** Milliseconds of the processor that this thread has used: what else the machine does is no part of what calls cost. */
function spentMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

async function calls(runtime: Runtime, report: Report): Promise<void> {
  const load = async (text: string, wait: (n: number) => unknown): Promise<() => Promise<number>> => {
    const options: LoadOptions = { imports: { wait }, limits: { maxFuel: 10_000_000n } };
    const handle = await runtime.load(await parse(text), options);
    return async () => {
      const began = spentMs();
      for (let done = 0; done < CALLS; done++) await runtime.call(handle, 'f', 1);
      return ((spentMs() - began) * 1_000) / CALLS;
    };
  };
  const synchronous = await load(SYNCHRONOUS_GUEST, (n) => n);
  const ready = await load(CALLBACK_GUEST, (n) => n);
  const waits = await load(CALLBACK_GUEST, async (n) => n);
  for (const warm of [synchronous, ready, waits]) for (let round = 0; round < 5; round++) await warm();
  const { a, b } = await paired(ROUNDS, ready, synchronous);
  report({ figure: 'export by callback that does not wait', value: a, unit: 'us', goal: '<= 3', holds: a <= 3 });
  const peer = 'the call of a synchronous export';
  report({ figure: 'of that, what the task costs', value: a - b, unit: 'us', peer, goal: 'shown', holds: true });
  const once = await median(ROUNDS, waits);
  report({ figure: 'export by callback that waits once', value: once, unit: 'us', goal: '<= 6', holds: once <= 6 });
}

/** Reads in one call of the guest. */
const READS = 200_000_000;

async function contexts(runtime: Runtime, report: Report): Promise<void> {
  const handle = await runtime.load(await parse(CONTEXT_GUEST), LONG);
  const reading = (name: string) => async (): Promise<number> => {
    const began = spentMs();
    await runtime.call(handle, name, READS / 16);
    return ((spentMs() - began) * 1e6) / READS;
  };
  const [number, global] = [reading('number'), reading('global')];
  for (const warm of [number, global]) await warm();
  const { a, b } = await paired(5, number, global);
  const peer = 'the read of a global';
  report({ figure: 'context.get in a loop', value: a / b, unit: 'times', peer, goal: '<= 1.2', holds: a / b <= 1.2 });
}

async function streams(runtime: Runtime, report: Report): Promise<void> {
  const handle = await runtime.load(await parse(streamPair(BYTE_STREAM)), LONG);
  const rate = await median(3, async () => BYTES / 1e6 / (await spentBy(() => runtime.call(handle, 'move', BYTES))));
  const figure = 'a stream of bytes between guests, 64 KiB at a time';
  report({ figure, value: rate, unit: 'GB/s', goal: '>= 1', holds: rate >= 1 });
  const records = await runtime.load(await parse(streamPair(RECORD_STREAM)), LONG);
  const items = await median(5, async () => ITEMS / 1e3 / (await spentBy(() => runtime.call(records, 'move', ITEMS))));
  reportItems(report, 'between guests', items);
}
