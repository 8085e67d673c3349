// Runs as a user without rights: node unprivileged.ts <home>. Prints one JSON object. Imports come before the rights go,
// because the checkout itself may lie where nobody else may read.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { SecurityError } from '#security';
import { KeyStore, MachineSecret } from '#security/keys';
import { Signer } from '#security/signers';

const NOBODY = 65_534;
const [home = ''] = process.argv.slice(2);
if (process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}

async function outcome(task: () => Promise<unknown>): Promise<string> {
  try {
    await task();
    return 'done';
  } catch (error) {
    return error instanceof SecurityError ? error.code : String(error);
  }
}

const random = { bytes: (length: number) => randomBytes(length), fraction: () => 0 };
const content = Buffer.from('content');
const own = `${home}/own`;
mkdirSync(own, { mode: 0o700 });
const report: Record<string, string> = {};
report.sealInOwnHome = await outcome(() => new MachineSecret(own, random).code('test', content));
chmodSync(own, 0o500);
report.saveInReadOnlyHome = await outcome(() => new KeyStore(own).save('k', Signer.generate()));
report.sealInReadOnlyHomeWithSecret = await outcome(() => new MachineSecret(own, random).code('test', content));
report.readSecretOfRoot = await outcome(() => new MachineSecret(`${home}/roots`, random).code('test', content));
report.readSecretInSharedFolder = await outcome(() =>
  new MachineSecret(`${home}/shared`, random).code('test', content),
);
console.log(JSON.stringify(report));
