// The peer: what a Node developer would write. Files that jco made are kept in a folder with their SHA-256, read and
// checked at each start, and called through jco's glue. No limits, no metering, no seal.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const boot = performance.now();
const folder = process.argv[2];
const { WASIShim } = await import('@bytecodealliance/preview2-shim/instantiation');
const imported = performance.now();
const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
const files = new Map();
for (const [name, digest] of Object.entries(manifest)) {
  const bytes = readFileSync(join(folder, name));
  if (createHash('sha256').update(bytes).digest('hex') !== digest) throw new Error(`${name} is damaged`);
  files.set(name, bytes);
}
const { instantiate } = await import(pathToFileURL(join(folder, 'plain.js')).href);
const nothing = new Proxy({}, { get: () => () => undefined });
const hosts = ['host-messaging', 'host-services', 'storage'].map((name) => [`vivarium:actor/${name}`, nothing]);
const imports = { ...new WASIShim().getImportObject(), ...Object.fromEntries(hosts) };
const { lifecycle } = await instantiate((name) => WebAssembly.compile(files.get(name)), imports);
lifecycle.initialize({
  envVars: [],
  configData: undefined,
  resourceLimits: { maxMemoryBytes: 2n ** 26n, maxExecutionTimeMs: 1_000, maxFuel: undefined },
});
const loaded = performance.now();
const reply = lifecycle.handleMessage({
  sender: { namespace: 'vivarium', name: 'host', instance: '0' },
  payload: Buffer.from('Ada'),
  metadata: { messageId: 1n, timestamp: { seconds: 1n, nanoseconds: 0 }, headers: [] },
});
const replied = performance.now();
if (reply === undefined) throw new Error('the component did not answer');
console.log(
  JSON.stringify({
    process: boot,
    'import of the WASI shim': imported - boot,
    load: loaded - imported,
    'first reply': replied - loaded,
    total: replied,
  }),
);
