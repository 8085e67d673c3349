// One process: start, load one component, first reply. Prints where its milliseconds went.
const boot = performance.now();
const { createRuntime } = await import('vivarium');
const imported = performance.now();
const runtime = await createRuntime();
const created = performance.now();
const handle = await runtime.load(process.argv[2]);
const loaded = performance.now();
const reply = await runtime.request(handle, Buffer.from('Ada'));
const replied = performance.now();
if (reply === undefined) throw new Error('the component did not answer');
await runtime.close();
console.log(
  JSON.stringify({
    boot,
    import: imported - boot,
    create: created - imported,
    load: loaded - created,
    reply: replied - loaded,
    total: replied,
  }),
);
