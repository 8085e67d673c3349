// print-flags.ts createRuntime|viv COMPONENT [--branch-hints]: calls a component. Prints its answer, and V8's flags after it.
import { setFlagsFromString } from 'node:v8';
import { main } from '../../../src/cli/index.ts';
import { createRuntime } from '../../../src/index.ts';

const [way, component = '', ...flags] = process.argv.slice(2);
if (way === 'viv') {
  await main(['call', component, 'run', '[21]', ...flags]);
} else {
  await using runtime = await createRuntime({ cache: false, branchHints: flags.includes('--branch-hints') });
  console.log(await runtime.call(await runtime.load(component), 'run', 21));
}
// V8 lists its flags with what they are now.
setFlagsFromString('--help');
