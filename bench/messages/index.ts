import { type ComponentHandle, createHandle, parseComponentId } from '#core';
import { VivariumError } from '#core/errors';
import { GuestMessaging, HostMessaging, Router, type RouterOptions, type TurnRunner } from '#messaging';
import { systemClock, systemRandom } from '../../src/system/clock.ts';
import type { Report, RunGroup } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { checkedArguments } from './arguments.ts';
import { calls } from './calls.ts';
import { guests } from './guests.ts';
import { requests } from './requests.ts';

const payload = new Uint8Array(16);
const reply = new Uint8Array(16);
const BATCH = 500;

interface MessageBench {
  readonly router: Router;
  readonly host: HostMessaging;
  readonly guests: GuestMessaging;
  readonly handles: readonly ComponentHandle[];
}

/** Router and mailboxes by themselves: the engine behind them is a function that does next to nothing. */
function createBench(actors: number, engine: TurnRunner, options: Partial<RouterOptions> = {}): MessageBench {
  const router = new Router({
    engine,
    clock: systemClock,
    random: systemRandom,
    maxHops: Number.POSITIVE_INFINITY,
    ...options,
  });
  const handles = Array.from({ length: actors }, (_, index) => createHandle(parseComponentId(`bench/actor/${index}`)));
  for (const handle of handles) router.add(handle);
  return { router, host: new HostMessaging(router), guests: new GuestMessaging(router), handles };
}

const idle: TurnRunner = { callHandleMessage: () => reply, callHandleCallback: () => {} };

/** The best of sixty short runs, after ten to warm up: what else the machine does can only make a run worse. */
async function best(pick: (...values: number[]) => number, run: () => Promise<number>): Promise<number> {
  for (let count = 0; count < 10; count++) await run();
  let value = await run();
  for (let count = 1; count < 60; count++) value = pick(value, await run());
  return value;
}

/** Microseconds for each of `count` promises, `BATCH` under way at a time. */
async function perPromise(count: number, one: (index: number) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  for (let done = 0; done < count; ) {
    const batch: Promise<unknown>[] = [];
    for (let index = 0; index < BATCH; index++) batch.push(one(done++));
    await Promise.all(batch);
  }
  return ((performance.now() - began) * 1_000) / count;
}

/** A queue, a promise and a call, written down for nothing but this: what no router can go below. */
function bareMailbox(): (index: number) => Promise<unknown> {
  const queue: ((value: Uint8Array) => void)[] = [];
  let due = false;
  const run = (): void => {
    due = false;
    for (const resolve of queue.splice(0)) resolve(reply);
  };
  return () =>
    new Promise((resolve) => {
      queue.push(resolve);
      if (due) return;
      due = true;
      queueMicrotask(run);
    });
}

async function roundTrips(report: Report): Promise<void> {
  const one = createBench(1, idle);
  const floor = await best(Math.min, () => perPromise(10_000, bareMailbox()));
  const request = await best(Math.min, () => perPromise(10_000, () => one.host.request(one.handles[0]!, payload)));
  report({ figure: 'bare queue and promise', value: floor, unit: 'us', goal: 'for comparison', holds: true });
  report({
    figure: 'router and mailbox, no-op handler, promise included',
    value: request,
    unit: 'us a message',
    goal: '<= 0.5',
    holds: request <= 0.5,
  });

  const [few, many] = [createBench(100, idle), createBench(10_000, idle)];
  const inTurn = ({ host, handles }: MessageBench): Promise<number> =>
    perPromise(20_000, (index) => host.request(handles[index % handles.length]!, payload));
  for (let round = 0; round < 10; round++) for (const bench of [few, many]) await inTurn(bench);
  // In turn, so that what disturbs one is likely to disturb the other.
  const { ratio } = await paired(
    31,
    () => inTurn(many),
    () => inTurn(few),
  );
  report({
    figure: '10,000 actors, one message each in turn',
    value: ratio,
    unit: 'times',
    peer: '100 actors (no-op handlers)',
    goal: '<= 1.5',
    holds: ratio <= 1.5,
  });
}

/** Two actors that pass a ball: each turn is one message between guests. */
async function guestToGuest(report: Report): Promise<void> {
  const perSecond = await best(Math.max, async () => {
    let left = 20_000;
    const { promise, resolve } = Promise.withResolvers<void>();
    const engine: TurnRunner = {
      callHandleMessage: (self) => {
        left -= 1;
        if (left === 0) resolve();
        else if (left > 0) bench.guests.send(self, bench.handles[self === bench.handles[0] ? 1 : 0]!.id, payload);
        return undefined;
      },
      callHandleCallback: () => {},
    };
    const bench = createBench(2, engine);
    const began = performance.now();
    await bench.host.send(bench.handles[0]!, payload);
    await promise;
    return 20_000 / ((performance.now() - began) / 1_000);
  });
  report({
    figure: 'guest to guest send, no-op guests',
    value: perSecond,
    unit: 'messages/s',
    goal: '>= 300,000',
    holds: perSecond >= 300_000,
  });
}

/** A hundred producers that send faster than one slow consumer works: what is refused is told, and memory stays. */
async function fullMailbox(report: Report): Promise<void> {
  const slow: TurnRunner = {
    callHandleMessage: () => new Promise((resolve) => setTimeout(resolve, 1, undefined)),
    callHandleCallback: () => {},
  };
  const { router, guests, handles } = createBench(101, slow);
  const [consumer, ...producers] = handles;
  const large = new Uint8Array(1_024);
  let told = 0;
  const flood = (): void => {
    for (const producer of producers) {
      for (let sent = 0; sent < 20; sent++) {
        try {
          guests.send(producer, consumer!.id, large.slice());
        } catch {
          told += 1;
        }
      }
    }
  };
  const rounds = 200;
  let before = 0;
  for (let round = 0; round < rounds; round++) {
    flood();
    if (round === 20) before = process.memoryUsage().arrayBuffers;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const grownMiB = (process.memoryUsage().arrayBuffers - before) / 2 ** 20;
  const { offered, refused, inFlight } = router.counters;
  report({
    figure: 'full mailbox: refused messages told to their senders',
    value: refused === 0 ? 0 : told / refused,
    unit: 'of all',
    goal: '= 1',
    holds: told === refused && refused > 0 && offered === 20 * producers.length * rounds,
  });
  report({
    figure: 'full mailbox: messages held while 400,000 are offered',
    value: inFlight,
    unit: 'messages',
    goal: '<= 1,001',
    holds: inFlight <= 1_001,
  });
  report({
    figure: 'full mailbox: buffers grown by',
    value: Math.max(0, grownMiB),
    unit: 'MiB',
    goal: '<= 64',
    holds: grownMiB <= 64,
  });
  router.close(new VivariumError('MESSAGING_UNAVAILABLE', 'the measurement is over'));
}

export const run: RunGroup = async (report) => {
  await calls(report);
  await checkedArguments(report);
  await requests(report);
  await roundTrips(report);
  await guests(report);
  await guestToGuest(report);
  await fullMailbox(report);
};
