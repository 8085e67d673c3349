// npm run toolchains [-- --only rust,c --record --if-available]: makes the tools of test/toolchains anew, runs them here and by wasmtime.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect, isDeepStrictEqual } from 'node:util';
import { messageOf } from '../src/core/errors/index.ts';
import { createRuntime } from '../src/index.ts';
import { Tools } from '../tools/toolchains/build.ts';
import { GUESTS } from '../tools/toolchains/guests.ts';
import { matrix } from '../tools/toolchains/matrix.ts';
import { runHere } from '../tools/toolchains/run-here.ts';
import { type Outcome, SCENARIOS } from '../tools/toolchains/scenarios.ts';
import { TOOLCHAINS } from '../tools/toolchains/table.ts';
import { runByWasmtime } from '../tools/toolchains/wasmtime.ts';
import { scriptOptions } from './script-options.ts';

const USAGE = `usage: npm run toolchains [-- --only NAMES --guests --record --if-available]

  --only NAMES      of ${TOOLCHAINS.map(({ name }) => name).join(', ')}; all by default
  --guests          makes the asynchronous actors, services and libraries too: ${GUESTS.map(({ name }) => name).join(', ')},
                    which may also be named by --only
  --record          keeps what wasmtime does, small components and docs/toolchains.md; without, all is compared
  --if-available    passes over a toolchain that cannot be had here`;

const { values } = scriptOptions(USAGE, {
  only: { type: 'string' },
  guests: { type: 'boolean', default: false },
  record: { type: 'boolean', default: false },
  'if-available': { type: 'boolean', default: false },
});
const only = values.only?.split(',');
const RECORDED = 'test/toolchains/recorded.json';
const recorded = JSON.parse(readFileSync(RECORDED, 'utf8')) as Record<string, Record<string, Outcome>>;
const tools = new Tools('.ci/cache/toolchains');
let different = 0;

await using runtime = await createRuntime();
for (const { name, scenarios, isCommitted } of TOOLCHAINS.filter((each) => only?.includes(each.name) ?? true)) {
  const component = join('.ci/cache/toolchains', `${name}.wasm`);
  const wasmtime = await made(name, component);
  if (wasmtime === undefined) continue;
  if (isCommitted && values.record) writeFileSync(`test/toolchains/components/${name}.wasm`, readFileSync(component));
  for (const scenario of SCENARIOS.filter((each) => scenarios.includes(each.name))) {
    const theirs = await runByWasmtime(wasmtime, component, scenario);
    if (values.record) recorded[name] = { ...recorded[name], [scenario.name]: theirs };
    compare(`${name}, ${scenario.name}: wasmtime and what was recorded`, theirs, recorded[name]?.[scenario.name]);
    compare(`${name}, ${scenario.name}: here and wasmtime`, await runHere(runtime, component, scenario), theirs);
  }
}
for (const guest of GUESTS.filter(({ name }) => only?.includes(name) ?? values.guests)) {
  const component = join('.ci/cache/toolchains', `${guest.name}.wasm`);
  if ((await made(guest.name, component)) === undefined) continue;
  if (guest.isCommitted && values.record) {
    writeFileSync(`test/toolchains/components/${guest.name}.wasm`, readFileSync(component));
  }
  const found = await guest.talk(runtime, component);
  if (isDeepStrictEqual(found, guest.answers)) continue;
  different += 1;
  console.error(`${guest.name} answers ${inspect(found)}, and should ${inspect(guest.answers)}`);
}
if (values.record) {
  writeFileSync(RECORDED, `${JSON.stringify(recorded, undefined, 2)}\n`);
  writeFileSync('docs/toolchains.md', matrix(recorded));
}
console.log(different === 0 ? 'toolchains: all do as with wasmtime' : `toolchains: ${different} differ`);
process.exitCode = different === 0 ? 0 : 1;

/** Makes the component; gives wasmtime's program, or undefined where a tool is missing and that is permitted. */
async function made(name: string, component: string): Promise<string | undefined> {
  try {
    await tools.make(name, join(process.cwd(), component));
    return tools.wasmtime;
  } catch (error) {
    if (!values['if-available']) throw error;
    console.error(`toolchains: NOT RUN, ${name} cannot be made here: ${messageOf(error).split('\n', 1)[0]}`);
    return undefined;
  }
}

function compare(what: string, found: Outcome, wanted: Outcome | undefined): void {
  if (JSON.stringify(found) === JSON.stringify(wanted)) return;
  different += 1;
  console.error(`${what} differ\n  ${JSON.stringify(found)}\n  ${JSON.stringify(wanted)}`);
}
