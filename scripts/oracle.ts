// npm run oracle [-- --programs N --seed S --save FOLDER --if-available]: compares fuel with wasmtime 50.0.1, entry by entry.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, type Subject } from '../tools/oracle/compare.ts';
import { kernels, programs, random, startups } from '../tools/oracle/subjects.ts';
import { NoWasmtime, WASMTIME_VERSION, Wasmtime } from '../tools/oracle/wasmtime.ts';
import { scriptOptions } from './script-options.ts';

const USAGE = `usage: npm run oracle [-- --programs N --seed S --save FOLDER --if-available]

  --programs N      how many random programs, and as many modules by how they begin (500)
  --seed S          what they are made from (1)
  --save FOLDER     keeps each that differs
  --if-available    ends with 0 where wasmtime cannot be installed`;

const { values } = scriptOptions(USAGE, {
  programs: { type: 'string', default: '500' },
  seed: { type: 'string', default: '1' },
  save: { type: 'string' },
  'if-available': { type: 'boolean', default: false },
});

try {
  process.exitCode = await run();
} catch (thrown) {
  if (!(thrown instanceof NoWasmtime)) throw thrown;
  console.error(`oracle: NOT RUN, nothing was compared: ${thrown.message}`);
  process.exitCode = values['if-available'] ? 0 : 3;
}

async function run(): Promise<number> {
  using wasmtime = await Wasmtime.start();
  const different: string[] = [];
  for (const [group, subjects] of [
    ['kernels', kernels()],
    ['programs added up by hand', programs()],
    ['modules by how they begin', startups(Number(values.programs), Number(values.seed))],
    ['random programs', random(Number(values.programs), Number(values.seed))],
  ] as const) {
    const counts = { equal: 0, skipped: 0, different: 0, entries: 0 };
    for await (const subject of subjects) {
      const verdict = await compare(subject, wasmtime);
      counts[verdict.kind]++;
      if (verdict.kind === 'equal') counts.entries += verdict.entries;
      if (verdict.kind === 'different') {
        different.push(`${subject.name}: ${verdict.what}`);
        save(subject, verdict.what);
      }
    }
    console.log(
      `oracle: ${group}: ${counts.equal} equal (${counts.entries} entries), ${counts.different} different, ` +
        `${counts.skipped} without a claim`,
    );
  }
  for (const line of different) console.error(`oracle: ${line}`);
  if (different.length === 0) console.log(`oracle: the fuel of wasmtime ${WASMTIME_VERSION} throughout`);
  return different.length === 0 ? 0 : 1;
}

function save({ name, bytes, calls }: Subject, what: string): void {
  if (values.save === undefined) return;
  mkdirSync(values.save, { recursive: true });
  const file = join(values.save, name.replaceAll(/[^a-z0-9]+/gi, '-'));
  writeFileSync(`${file}.wasm`, bytes);
  writeFileSync(`${file}.md`, `# ${name}\n\n${what}\n\n${JSON.stringify(calls)}\n`);
}
