// An actor in TypeScript that does what the text of its message says.
import { readFile, writeFile } from 'node:fs/promises';
import { buildActor } from '#system/operations';
import { temporaryFolder } from './temporary-folder.ts';

const SOURCE = `import { ActorError, defineActor, log, send, storage } from 'vivarium/guest';
const steps = {
  echo: () => 'echo',
  fail: () => { throw new Error('it fails'); },
  store: () => { try { storage.set('key', 'value'); return 'stored'; } catch (error) { return 'refused'; } },
  log: () => { log('info', 'a line'); return undefined; },
  headers: (message) => JSON.stringify(message.headers),
  send: () => { send('demo/b/1', 'echo'); return undefined; },
};
export const lifecycle = defineActor({
  name: 'scripted', version: '1.0.0',
  onMessage: (message) => steps[message.text()](message),
});`;

export async function scriptedActor(): Promise<Uint8Array> {
  const folder = temporaryFolder();
  await writeFile(folder.at('actor.ts'), SOURCE);
  await buildActor(folder.at('actor.ts'), { output: folder.at('actor.wasm') });
  return new Uint8Array(await readFile(folder.at('actor.wasm')));
}
