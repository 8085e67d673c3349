// `runtime.request` from end to end, beside the same written down for one message, beside raw jco, and beside other actors.
import { type ComponentHandle, createRuntime, type Runtime } from 'vivarium';
import { actor } from '../../tools/components/actor-wat.ts';
import type { Report } from '../figure.ts';
import { median, paired } from '../support/measure.ts';
import { rawJco } from '../support/raw-jco.ts';
import { Floor, floorActors } from './floor.ts';
import { message } from './message.ts';
import { peers } from './peers.ts';

const ROUNDS = 9;
const UNDER_WAY = 100;

/** Microseconds for each round trip; some are under way at once, as with any server. */
async function roundTrips(calls: number, request: (index: number) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  for (let done = 0; done < calls; ) {
    const batch: Promise<unknown>[] = [];
    for (let index = 0; index < UNDER_WAY; index++) batch.push(request(done++));
    await Promise.all(batch);
  }
  return ((performance.now() - began) * 1_000) / calls;
}

/** The same, one after the other. */
async function oneByOne(calls: number, request: (index: number) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  for (let done = 0; done < calls; done++) await request(done);
  return ((performance.now() - began) * 1_000) / calls;
}

export async function requests(report: Report): Promise<void> {
  const component = await actor();
  await using runtime = await createRuntime({ scheduling: 'cooperative' });
  const [floor, makeFloor, makeRaw] = [new Floor(), floorActors(component), await rawJco(component)];
  for (const live of [1, 1_000]) {
    const handles: ComponentHandle[] = [];
    for (let index = 0; index < live; index++) handles.push(await runtime.load(component));
    const [floors, raws] = [handles.map(makeFloor), handles.map(makeRaw)];
    for (const bytes of [16, 4_096]) {
      const payload = new Uint8Array(bytes);
      const ours = (index: number) => runtime.request(handles[index % live] as ComponentHandle, payload);
      const bare = (index: number) => floor.request(floors[index % live] as (typeof floors)[number], payload);
      const sent = message(payload);
      const glued = (): number => {
        const began = performance.now();
        for (let index = 0; index < 5_000; index++) raws[index % live]?.handleMessage(sent);
        return ((performance.now() - began) * 1_000) / 5_000;
      };
      // Until the optimiser has taken them; the glue is slow enough to be hot sooner.
      for (const request of [ours, bare]) await roundTrips(150_000, request);
      for (let round = 0; round < 4; round++) glued();
      const beside = await paired(
        ROUNDS,
        () => roundTrips(20_000, ours),
        () => roundTrips(20_000, bare),
      );
      const raw = await median(3, glued);
      const what = `request, ${bytes} bytes, ${live} live`;
      report({ figure: what, value: beside.a, unit: 'us', goal: 'shown', holds: true });
      report({ figure: `${what}: the floor`, value: beside.b, unit: 'us', goal: 'shown', holds: true });
      report({
        figure: `${what}, ratio`,
        value: beside.ratio,
        unit: 'x',
        peer: 'the floor: a queue, a promise, refuelling and the call by hand',
        goal: '<= 1.5',
        holds: beside.ratio <= 1.5,
      });
      const most = bytes > 16 ? 1 / 2 : live === 1 ? 1 / 4 : 1 / 15;
      report({
        figure: `${what}, ratio`,
        value: beside.a / raw,
        unit: 'x',
        peer: 'a call by raw jco glue',
        goal: `<= ${most.toFixed(3)}`,
        holds: beside.a / raw <= most,
      });
    }
    if (live === 1) await besideOthers(report, runtime, handles[0] as ComponentHandle);
    for (const handle of handles) await runtime.unload(handle);
  }
}

async function besideOthers(report: Report, runtime: Runtime, handle: ComponentHandle): Promise<void> {
  const payload = new Uint8Array(16);
  const ours = (): Promise<unknown> => runtime.request(handle, payload);
  await oneByOne(50_000, ours);
  for (const peer of await peers()) {
    await using other = peer;
    const theirs = (): Promise<unknown> => other.echo(payload);
    await oneByOne(20_000, theirs);
    const { a, b, ratio } = await paired(
      5,
      () => oneByOne(20_000, ours),
      () => oneByOne(5_000, theirs),
    );
    const figure = `request, 16 bytes, one after the other`;
    if (other.name === peerShown) report({ figure, value: a, unit: 'us', goal: 'shown', holds: true });
    report({ figure: `${other.name}, the same echo`, value: b, unit: 'us', goal: 'shown', holds: true });
    // xstate isolates nothing, keeps no mailbox and has no answers: it stands here for comparison.
    const goal = other.name === 'xstate machine' ? Number.POSITIVE_INFINITY : 1;
    report({
      figure: `${figure}, ratio`,
      value: ratio,
      unit: 'x',
      peer: other.name,
      goal: Number.isFinite(goal) ? '< 1' : 'shown',
      holds: ratio < goal,
    });
  }
}

const peerShown = 'nact query';
