import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MISSING } from '../../src/project/guest-globals.ts';
import { testActor } from '../../src/testing/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('what a guest has not says so by its name, and what to take instead', async () => {
  using folder = temporaryFolder();
  // A bundler resolves `require` itself.
  const names = Object.keys(MISSING).filter((name) => name !== 'require');
  writeFileSync(
    folder.at('actor.ts'),
    `import { defineActor } from 'vivarium/guest';
     export const uses = () => [${names.join(', ')}, performance.mark('x')];
     export const lifecycle = defineActor({
       name: 'reads',
       version: '1.0.0',
       onMessage(message) {
         const [name, member] = message.text().split('.');
         try {
           const value = globalThis[name];
           return String(member === undefined ? value : value[member]);
         } catch (error) {
           return error.name + ': ' + error.message;
         }
       },
     });`,
  );
  const actor = await testActor(folder.at('actor.ts'));
  for (const name of names) {
    expect(actor.request(name)).toBe(`ReferenceError: ${name} is not there in a guest: ${MISSING[name]}`);
  }
  expect(actor.request('performance.mark')).toContain('performance.mark is not there in a guest');
});

it('a library that asks whether something is there finds that it is not', async () => {
  using folder = temporaryFolder();
  writeFileSync(
    folder.at('actor.ts'),
    `import { defineActor } from 'vivarium/guest';
     export const lifecycle = defineActor({
       name: 'asks',
       version: '1.0.0',
       onMessage: () => [typeof self, typeof navigator === 'undefined' ? 'none' : navigator.userAgent, typeof Deno],
     });`,
  );
  const actor = await testActor(folder.at('actor.ts'));
  expect(actor.request('')).toEqual(['undefined', 'none', 'undefined']);
});
