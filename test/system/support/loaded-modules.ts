// Loads a component from the cache folder of the environment and calls it. Prints every module that was loaded meanwhile.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const modules: string[] = [];
registerHooks({
  load: (url, context, next) => {
    modules.push(url);
    return next(url, context);
  },
});
const { createRuntime } = await import('../../../src/index.ts');
const runtime = await createRuntime();
const handle = await runtime.load(readFileSync(process.argv[2] as string));
const reply = await runtime.request(handle, Buffer.from('hello'));
await runtime.close();
console.log(JSON.stringify({ reply: Buffer.from(reply as Uint8Array).toString(), modules }));
