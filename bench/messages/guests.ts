// Guest to guest: two real components that pass a ball through `host-messaging`, whole runtime between them.
import { setTimeout as sleep } from 'node:timers/promises';
import { createRuntime } from 'vivarium';
import { actor } from '../../tools/components/actor-wat.ts';
import type { Report } from '../figure.ts';

const SEND =
  '(import "vivarium:actor/host-messaging@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))';

/** Sends each payload that it gets back to whoever sent it; an empty one goes to `other`. Nothing is answered. */
const passes = (other: string): Promise<Uint8Array> => {
  const [namespace = '', name = '', instance = ''] = other.split('/');
  return actor({
    fields: `${SEND} (data (i32.const 256) "${namespace}${name}${instance}")`,
    handleMessage: `
      (if (i32.eqz (i32.load offset=28 (local.get $msg)))
        (then (call $send
          (i32.const 256) (i32.const ${namespace.length})
          (i32.const ${256 + namespace.length}) (i32.const ${name.length})
          (i32.const ${256 + namespace.length + name.length}) (i32.const ${instance.length})
          (i32.const 512) (i32.const 16) (i32.const 96)))
        (else (call $send
          (i32.load (local.get $msg)) (i32.load offset=4 (local.get $msg))
          (i32.load offset=8 (local.get $msg)) (i32.load offset=12 (local.get $msg))
          (i32.load offset=16 (local.get $msg)) (i32.load offset=20 (local.get $msg))
          (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)) (i32.const 96))))
      (if (i32.load8_u (i32.const 96)) (then (unreachable)))
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store8 (i32.const 20) (i32.const 0))
      (i32.const 16)`,
  });
};

export async function guests(report: Report): Promise<void> {
  await using runtime = await createRuntime({
    scheduling: 'cooperative',
    messaging: { maxHops: Number.POSITIVE_INFINITY },
  });
  const grants = ['messaging:send:bench/*/*'];
  const first = await runtime.load(await passes('bench/second/1'), { id: 'bench/first/1', grants });
  await runtime.load(await passes('bench/first/1'), { id: 'bench/second/1', grants });
  const balls = 16;
  for (let ball = 0; ball < balls; ball++) await runtime.send(first, new Uint8Array(0));
  await sleep(500);
  const rates: number[] = [];
  for (let round = 0; round < 9; round++) {
    const [began, before] = [performance.now(), runtime.messages.handled];
    await sleep(200);
    rates.push((runtime.messages.handled - before) / ((performance.now() - began) / 1_000));
  }
  rates.sort((a, b) => a - b);
  const perSecond = rates[rates.length >> 1] as number;
  report({
    figure: `guest to guest send, small components, 16 bytes, ${balls} under way`,
    value: perSecond,
    unit: 'messages/s',
    goal: '>= 300,000',
    holds: perSecond >= 300_000,
  });
}
