import { Command } from 'commander';
import { parseDuration } from '#core/options';
import { printable } from '#core/text';
import { openKeyring } from '#system/operations';
import { CliError } from '../errors.ts';
import { reading } from '../options/limit-options.ts';
import type { Shell } from '../shell.ts';

interface ValidityFlags {
  /** Milliseconds from now. */
  readonly validFor?: number;
}

const until = ({ validFor }: ValidityFlags) => (validFor === undefined ? {} : { validUntil: Date.now() + validFor });
const isoOf = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString());

/** `viv key`: manages the user's own keys and the keys that the user trusts. */
export function keyCommand(shell: Shell): Command {
  const command = new Command('key').description('make, list, export, import and revoke signing keys');
  command
    .command('new')
    .description('make a key pair; what it signs is trusted here')
    .argument('<name>', 'what it is called here')
    .option('--valid-for <time>', 'how long it counts, as 365d', reading(parseDuration))
    .action(
      shell.action(async (name: string, flags: ValidityFlags) => {
        const { keyId, validUntil } = await openKeyring().create(name, until(flags));
        shell.result({ name, keyId, validUntil: isoOf(validUntil) }, `${name}  ${keyId}`);
      }),
    );
  command
    .command('list')
    .description('show all keys: whether they count, and whether they can sign here')
    .action(
      shell.action(async () => {
        const keys = await openKeyring().list();
        if (keys.length === 0)
          shell.note("no key; make one with 'viv key new NAME', or trust another's with 'viv key import'");
        for (const { name, keyId, canSign, status, trusted } of keys) {
          const [validUntil, revokedAt] = [isoOf(trusted?.validUntil), isoOf(trusted?.revokedAt)];
          const reason = trusted?.revocationReason;
          const about = [status, canSign ? 'can sign' : '', validUntil ? `until ${validUntil}` : '', reason ?? ''];
          shell.result(
            { name, keyId, status, canSign, validUntil, revokedAt, reason },
            printable(`${name.padEnd(20)} ${keyId}  ${about.filter(Boolean).join(', ')}`),
          );
        }
      }),
    );
  command
    .command('export')
    .description('print the public half; with --private, write the private half to a file')
    .argument('<name>', 'the key, as viv key list shows it')
    .option('--private', 'the private half: whoever has it signs in your name')
    .option('-o, --output <file>', 'a new file; the private half goes nowhere else')
    .action(
      shell.action(async (name: string, flags: { private?: boolean; output?: string }) => {
        if (flags.private !== true) {
          const pem = await openKeyring().exportPublic(name);
          shell.result({ name, publicKey: pem }, pem.trimEnd());
          return;
        }
        if (flags.output === undefined) {
          throw new CliError('CLI_USAGE', 'a private key is never printed; name a new file with --output');
        }
        await openKeyring().exportPrivate(name, flags.output);
        shell.result({ name, file: flags.output }, `${flags.output}  (mode 0600; keep it where only you can read it)`);
      }),
    );
  command
    .command('import')
    .description('trust the public key in a PEM file; a private key can sign here as well')
    .argument('<name>', 'what it is called here')
    .argument('<file>', 'the PEM file')
    .option('--valid-for <time>', 'how long it counts, as 365d', reading(parseDuration))
    .action(
      shell.action(async (name: string, file: string, flags: ValidityFlags) => {
        const { keyId, validUntil } = await openKeyring().import(name, file, until(flags));
        shell.result({ name, keyId, validUntil: isoOf(validUntil) }, `${name}  ${keyId}`);
      }),
    );
  command
    .command('revoke')
    .description('stop trusting a key, for good: nothing that it ever signed counts any more')
    .argument('<name or id>', 'the key, as viv key list shows it')
    .option('--reason <text>', 'why, for whoever lists the keys')
    .action(
      shell.action(async (name: string, flags: { reason?: string }) => {
        const { keyId, revokedAt } = await openKeyring().trust.revoke(name, flags.reason);
        shell.result({ name, keyId, revokedAt: isoOf(revokedAt) }, `${name}  ${keyId}  revoked`);
      }),
    );
  return command;
}

export function signCommand(shell: Shell): Command {
  return new Command('sign')
    .description('sign a component: its signature lies beside it, as <file>.sig.json')
    .argument('<file>', 'the component')
    .requiredOption('-k, --key <name>', 'the key to sign with')
    .option('--valid-for <time>', 'how long the signature counts, as 90d', reading(parseDuration))
    .action(
      shell.action(async (file: string, { key, validFor }: ValidityFlags & { key: string }) => {
        const expiresAt = validFor === undefined ? undefined : Date.now() + validFor;
        const { digest } = await openKeyring().sign(file, key, expiresAt);
        shell.result(
          { file, signature: `${file}.sig.json`, digest, key, expiresAt: isoOf(expiresAt) },
          `${file}.sig.json  ${digest}  by ${key}`,
        );
      }),
    );
}

export function verifyCommand(shell: Shell): Command {
  return new Command('verify')
    .description('say which trusted keys signed a component; exit code 4 if none')
    .argument('<file>', 'the component, beside its signature')
    .action(
      shell.action(async (file: string) => {
        const { digest, signers } = await openKeyring().verify(file);
        const named = signers.map(({ name, keyId }) => ({ name, keyId }));
        shell.result(
          { file, digest, signers: named },
          `${file}  ${digest}  by ${named.map(({ name }) => name).join(', ')}`,
        );
      }),
    );
}
