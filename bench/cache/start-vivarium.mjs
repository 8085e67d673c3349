// One process: start, load one component, first reply. Prints where its milliseconds went; with `parts` also inside the load.
const boot = performance.now();
const probes = process.argv[3] === 'parts' ? await import('./start-probes.mjs') : undefined;
const begun = performance.now();
const { createRuntime } = await import('vivarium');
const imported = performance.now();
const runtime = await createRuntime();
const created = performance.now();
let ready = created;
if (probes !== undefined) {
  runtime.on('state', ({ to }) => {
    if (to === 'initializing') ready = performance.now();
  });
}
const handle = await runtime.load(process.argv[2]);
const loaded = performance.now();
const reply = await runtime.request(handle, Buffer.from('Ada'));
const replied = performance.now();
if (reply === undefined) throw new Error('the component did not answer');
await runtime.close();
const inside = probes && {
  ...probes.parts,
  'find the way into it': ready - probes.ended,
  instantiate: loaded - ready,
};
console.log(
  JSON.stringify({
    process: boot,
    'import of Vivarium': imported - begun,
    'create a runtime': created - imported,
    load: loaded - created,
    ...inside,
    'first reply': replied - loaded,
    total: replied,
  }),
);
