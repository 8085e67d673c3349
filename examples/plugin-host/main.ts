// A host for plugins that it did not write. A plugin runs only if a vendor whom the host trusts signed it, and may do only
// what its manifest asks for as far as the host allows that to any plugin.
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  buildActor,
  createRuntime,
  isVivariumError,
  missingGrants,
  openAuditFolder,
  openKeyring,
  type Runtime,
  readAudit,
  readManifest,
} from 'vivarium';

/** What `notes/actor.ts` understands. */
interface Notes {
  write(note: { name: string; text: string }): string;
  read(name: string): string;
  save(what: { name: string; file: string }): string;
  pry(key: string): string;
}

/** The most that any plugin may ask for. */
const ALLOWED = ['storage:*:notes/**', 'filesystem:write:/exports/*/**'];

const folder = await mkdtemp(join(tmpdir(), 'vivarium-plugins-'));
/** Where plugins may export to, each in what it is granted of it. */
const exports = join(folder, 'exports');
try {
  await vendorShips('notes');
  await vendorShips('snoop');
  await hostRuns();
} finally {
  await rm(folder, { recursive: true });
}

/** On the vendor's machine: build, sign, ship the component with its manifest and signature. */
async function vendorShips(plugin: string): Promise<void> {
  const shipped = join(folder, plugin);
  await mkdir(shipped);
  const source = (file: string): string => fileURLToPath(new URL(`${plugin}/${file}`, import.meta.url));
  await buildActor(source('actor.ts'), { output: join(shipped, 'actor.wasm'), world: 'guest-with-files' });
  await copyFile(source('actor.toml'), join(shipped, 'actor.toml'));
  const keys = openKeyring(join(folder, 'vendor'));
  if ((await keys.list()).length === 0) await keys.create('release');
  await keys.sign(join(shipped, 'actor.wasm'), 'release');
}

async function hostRuns(): Promise<void> {
  const home = join(folder, 'host');
  await mkdir(join(exports, 'notes'), { recursive: true });
  const keys = openKeyring(home);
  const vendorKey = join(folder, 'vendor.pem');
  await writeFile(vendorKey, await openKeyring(join(folder, 'vendor')).exportPublic('release'));

  {
    await using runtime = await createRuntime({ home, trust: 'signed', audit: 'file' });
    await start(runtime, 'notes');
    await keys.import('vendor', vendorKey);
    await start(runtime, 'snoop');
    await useNotes(runtime);

    await appendFile(join(folder, 'notes', 'actor.wasm'), '\0');
    await start(runtime, 'notes');
  }

  console.log('on record:');
  for await (const { component, action, target } of readAudit(openAuditFolder(home), { outcome: 'denied' })) {
    console.log(`  ${component} was refused: ${[action, target].filter(Boolean).join(' ')}`);
  }
}

async function useNotes(runtime: Runtime): Promise<void> {
  const handle = await start(runtime, 'notes');
  if (handle === undefined) return;
  const notes = runtime.actor<Notes>(handle);
  console.log(await runtime.request(notes, { write: { name: 'today', text: 'sign everything' } }));
  console.log(await runtime.request(notes, { read: 'today' }));
  console.log(await runtime.request(notes, { save: { name: 'today', file: 'notes/today.txt' } }));
  console.log(`exported: ${await readFile(join(exports, 'notes', 'today.txt'), 'utf8')}`);
  console.log(await runtime.request(notes, { save: { name: 'today', file: 'notes/../index.txt' } }));
  console.log(await runtime.request(notes, { save: { name: 'today', file: 'index.txt' } }));
  await runtime.request(notes, { pry: 'accounts' }).catch((error) => say('pry', error));
  await runtime.unload(handle);
}

/** Loads a plugin if its manifest asks for nothing that is not allowed, and a trusted vendor signed it. */
async function start(runtime: Runtime, plugin: string): Promise<Awaited<ReturnType<Runtime['load']>> | undefined> {
  const { id, component, limits, grants } = await readManifest(join(folder, plugin, 'actor.toml'));
  const [excess] = missingGrants(grants, ALLOWED);
  if (excess !== undefined) {
    console.log(`${plugin}: refused, it asks for ${excess}`);
    return undefined;
  }
  try {
    const handle = await runtime.load(component, { id, limits, grants, preopens: { '/exports': exports } });
    console.log(`${plugin}: started with ${runtime.grants(handle).join(' ')}`);
    return handle;
  } catch (error) {
    say(plugin, error);
    return undefined;
  }
}

function say(what: string, error: unknown): void {
  console.log(`${what}: ${isVivariumError(error) ? `${error.code}: ${error.message}` : error}`);
}
