// Builds one component by the compiled product, in this process, and prints milliseconds as JSON. `node cold-parts.mjs FILE HOW`:
// `whole` as a load does it; `start` of its process, and refusing an empty file; `parts` one part after another; `shown` the same with glue, and bodies shown to an optimised transpiler.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

const [, , file, how] = process.argv;
const built = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const component = new Uint8Array(readFileSync(file));
const times = {};

async function part(name, work) {
  const began = performance.now();
  const result = await work();
  times[name] = performance.now() - began;
  return result;
}

const { encodeArtifact } = await built('cache/artifact-file.js');
const seal = (artifact) => {
  const key = { engineProfileId: 'bench', wasmDigest: `sha256:${'0'.repeat(64)}` };
  return createHmac('sha256', 'bench').update(encodeArtifact(key, artifact)).digest();
};

if (how === 'whole' || how === 'start') {
  const { ChildBuilder } = await built('runtime/index.js');
  const { buildProgram } = await built('system/build-program.js');
  const { systemClock } = await built('system/clock.js');
  const builder = new ChildBuilder({ program: buildProgram(), clock: systemClock, maxBuildTimeMs: 600_000 });
  if (how === 'whole') await part('whole', async () => seal(await builder.build(component, 'fuel')));
  else await part('start', () => builder.build(new Uint8Array(), 'fuel').catch(() => undefined));
  await builder.close();
} else {
  const { meter } = await built('metering/index.js');
  const { validateComponent } = await built('runtime/validate.js');
  const { checkInstantiation } = await built('runtime/transpile/check-instantiation.js');
  const { checkCompileTime } = await built('runtime/transpile/compile-check.js');
  const { loadTranspiler, transpile } = await built('runtime/transpile/transpile.js');
  const { whyInvalid } = await built('runtime/transpile/validator.js');
  const { withoutWasi } = await built('runtime/transpile/without-wasi.js');
  const { encodeCallPlan } = await built('runtime/direct/index.js');
  const { planBuild } = await built('runtime/planning/index.js');
  const { withoutBodies } = await built('wasm/index.js');
  if (how === 'parts') {
    setFlagsFromString('--wasm-tiering-budget=1000000000');
    withoutWasi();
  }
  const bodies = withoutBodies(component);
  const { calls, exported, ...planned } = await part('plan', () => planBuild(component));
  const needsGlue = how === 'shown' || 'whyGlue' in calls;
  await part('validate', async () => {
    validateComponent(component);
    checkInstantiation(component);
    if (!needsGlue) await whyInvalid(bodies.bytes);
  });
  const { javascript, imports, exports } = needsGlue
    ? await part('transpile', async () => {
        await loadTranspiler();
        return transpile(how === 'parts' ? bodies.bytes : component);
      })
    : { ...planned, javascript: '' };
  const coreModules = await part('meter', () =>
    bodies.modules.map(({ whole }, index) => ({ name: `${index}`, bytes: meter.meterModule(whole, 'fuel').bytes })),
  );
  await part('compile', () => checkCompileTime(coreModules));
  const callPlan = encodeCallPlan(calls, exported);
  await part('seal', () => seal({ javascript, coreModules, imports, exports, meteringMode: 'fuel', callPlan }));
}
console.log(JSON.stringify(times));
