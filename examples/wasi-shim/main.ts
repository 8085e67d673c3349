// A component whose WASI imports are met by the shim of jco instead of the sandbox. The shim works with the rights of this
// process: its `sandbox` options say what the component finds, and grants have no say in it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import { buildActor, createRuntime } from 'vivarium';

const folder = await mkdtemp(join(tmpdir(), 'vivarium-wasi-shim-'));
try {
  const source = fileURLToPath(new URL('../hello/actor.ts', import.meta.url));
  const { file } = await buildActor(source, { output: join(folder, 'hello.wasm') });

  await using runtime = await createRuntime();
  const shim = new WASIShim({ sandbox: { preopens: {}, env: {}, args: ['hello'], enableNetwork: false } });
  const hello = await runtime.load(file, { imports: shim.getImportObject() });
  const reply = await runtime.request(hello, Buffer.from('Ada'));

  console.log(Buffer.from(reply ?? []).toString());
  console.log(runtime.usage(hello).last.fuelConsumed > 0n ? 'metered as before' : 'not metered');
} finally {
  await rm(folder, { recursive: true });
}
