// npm run suites -- --folder FOLDER [--only component-model|spec] [--calls direct|glue] [--file TEXT] [--json]: runs the
// test scripts of the specifications. Components run through the runtime, on both ways of calling; core modules run
// plain and metered, step by step. Ends with 1 where something is wrong that is not known to be, or known to be and is not, or differs when metered.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRuntime } from '../src/index.ts';
import { runComponentScript } from './suites/components.ts';
import { runCoreScript } from './suites/core.ts';
import { readSuite, type Script } from './suites/script.ts';
import { Tally } from './suites/tally.ts';

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    only: { type: 'string' },
    calls: { type: 'string' },
    file: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    'if-there': { type: 'boolean', default: false },
  },
});

process.exitCode = await run();

async function run(): Promise<number> {
  const { folder } = values;
  if (folder === undefined || !existsSync(folder)) {
    console.error(`suites: NOT RUN, there is no folder ${folder ?? '(none was given)'}`);
    return values['if-there'] ? 0 : 2;
  }
  let wrong = 0;
  if (values.only !== 'spec') {
    const scripts = suite(folder, 'component-model');
    for (const calls of ['direct', 'glue'] as const) {
      if (values.calls !== undefined && values.calls !== calls) continue;
      const tally = await components(scripts, calls);
      wrong += tally.wrong.length;
    }
  }
  if (values.only !== 'component-model') {
    const tally = new Tally();
    for (const script of suite(folder, 'spec')) runCoreScript(script, tally);
    report('spec, plain and metered', tally);
    wrong += tally.wrong.length;
  }
  return wrong === 0 ? 0 : 1;
}

function suite(folder: string, name: string): Script[] {
  return readSuite(join(folder, `${name}.ndjson.gz`)).filter(({ file }) => file.includes(values.file));
}

async function components(scripts: readonly Script[], calls: 'direct' | 'glue'): Promise<Tally> {
  const tally = new Tally();
  // Without the cache on disk, which may hold artifacts of an earlier state of this repository.
  await using runtime = await createRuntime({ calls, cache: false });
  for (const script of scripts) {
    await runComponentScript(runtime, script, tally, calls);
  }
  report(`component model, ${calls}`, tally);
  return tally;
}

function report(name: string, tally: Tally): void {
  if (values.json) {
    console.log(JSON.stringify({ suite: name, ...tally.toJSON() }));
    return;
  }
  for (const line of tally.wrong) console.log(`suites: ${name}: ${line}`);
  for (const [reason, count] of tally.notRun) console.log(`suites: ${name}: ${count} not run: ${reason}`);
  console.log(`suites: ${name}: ${tally.right} right, ${tally.wrong.length} wrong`);
}
