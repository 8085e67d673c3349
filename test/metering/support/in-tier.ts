// node [V8's flags] in-tier.ts: what every guest of the lists ends in, as one JSON object.
import { BULK, LOOPS } from '../../../tools/metering/endless.ts';
import { Guest } from './guest.ts';
import { RECURSIONS, recursion } from './recursion.ts';

const ends: Record<string, string> = {};
for (const [name, text] of [...LOOPS, ...BULK]) {
  const guest = new Guest();
  await guest.link(`(module ${text})`);
  ends[name] = guest.call('run', [], { fuel: 2_000_000n, timeMs: 20_000 });
}
for (const [calls, around, body] of RECURSIONS) {
  const { end, halfway } = await recursion(new Guest(), body, 20_000);
  ends[`${calls}, with ${around}`] = halfway === 0 ? end : `${end}, and ${halfway} host functions did not end`;
}
console.log(JSON.stringify(ends));
