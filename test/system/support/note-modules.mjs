// Preloaded by a test: notes every module that the program loads, in the file that the environment names.
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const modules = [];
registerHooks({
  load: (url, context, next) => {
    modules.push(url);
    return next(url, context);
  },
});
process.on('exit', () => writeFileSync(process.env.NOTED_MODULES, JSON.stringify(modules)));
