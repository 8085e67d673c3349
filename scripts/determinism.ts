// node scripts/determinism.ts [--programs N --seed S]: the same fuel in every tier of V8, and on Node 24 and 26.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { node24 } from '../tools/node24.ts';

const { values } = parseArgs({
  options: { programs: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const print = fileURLToPath(new URL('./determinism/print.ts', import.meta.url));
const here = `Node ${process.versions.node.split('.')[0]}`;
const runs: [name: string, node: string, flags: string[]][] = [
  [here, process.execPath, []],
  [`${here}, baseline code alone`, process.execPath, ['--liftoff-only']],
  [`${here}, optimised code alone`, process.execPath, ['--no-liftoff']],
];
const older = node24();
if (older === undefined) console.error('determinism: no Node 24 is at hand; set VIVARIUM_NODE24 to compare with it');
else if (older !== process.execPath) {
  runs.push(['Node 24', older, []], ['Node 24, baseline code alone', older, ['--liftoff-only']]);
}

const [reference = [], ...others] = runs.map(([, node, flags]) =>
  execFileSync(node, [...flags, print, values.programs, values.seed], { encoding: 'utf8', maxBuffer: 2 ** 28 })
    .trim()
    .split('\n'),
);
for (const [index, lines] of others.entries()) {
  const different = reference.filter((line, at) => line !== lines[at]);
  console.log(`determinism: ${runs[index + 1]![0]}: ${reference.length} programs, ${different.length} different`);
  for (const line of different.slice(0, 5)) console.error(`determinism: ${here} says ${line}`);
  if (different.length > 0 || lines.length !== reference.length) process.exitCode = 1;
}
