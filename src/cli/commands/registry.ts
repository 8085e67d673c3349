import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { isVivariumError, messageOf } from '#core/errors';
import { DEFAULT_MAX_COMPONENT_BYTES } from '#core/limits';
import { parseDuration } from '#core/options';
import type { ModuleRecord } from '#core/ports/registry';
import { printable } from '#core/text';
import { readRegular } from '#files';
import { interfaceOf, type OpenRegistry, openEmbedder, openRegistry } from '#system/operations';
import { CliError } from '../errors.ts';
import { addLimitOptions, type LimitFlags, limitsOf, reading } from '../options/limit-options.ts';
import { addRegistryOptions, type RegistryFlags } from '../options/registry-source.ts';
import type { Shell } from '../shell.ts';
import { counted } from '../terminal/counted.ts';
import { checkByCommand } from './check-command.ts';

interface EmbedderFlags {
  readonly embedder: string;
}

interface PublishFlags extends RegistryFlags, LimitFlags, EmbedderFlags {
  readonly describe: string;
  readonly name?: string;
  readonly version: string;
  readonly key?: string;
  readonly verifier?: string;
  readonly supersedes?: string;
  readonly check?: string;
}

interface QueryFlags extends RegistryFlags, EmbedderFlags {
  readonly interface: string;
  readonly world?: string;
  readonly function?: string;
  readonly describe?: string;
  readonly provided?: readonly string[];
  readonly threshold?: number;
  readonly limit: number;
}

/** `viv registry …` */
export function registryCommand(shell: Shell): Command {
  const registry = new Command('registry').description('publish components and find them by what they do');
  const add = (name: string, description: string): Command =>
    addRegistryOptions(registry.command(name).description(description));

  addEmbedderOption(addLimitOptions(add('publish', 'sign a component, check it and publish it')))
    .argument('<component>', 'a .wasm file')
    .requiredOption('--describe <text>', 'what it does: it is found by this meaning')
    .option('--name <name>', "its name (default: the file's)")
    .option('--version <version>', 'its version', '0.1.0')
    .option('--key <name>', "the publisher's private key (default: the only one)")
    .option('--verifier <name>', "the verifier's private key (default: the publisher's)")
    .option('--supersedes <id>', 'the module that it replaces')
    .option('--check <command>', 'a shell command that must end with 0; the file is in VIVARIUM_COMPONENT')
    .action(shell.action((file: string, flags: PublishFlags) => publish(shell, file, flags)));

  addEmbedderOption(add('query', 'find modules by interface and meaning'))
    .requiredOption('--interface <what>', 'a .wasm or .wit file, or an interface hash')
    .option('--world <name>', 'the world of a .wit file that has several')
    .option('--function <name>', 'one function of it: func, or ns:pkg/iface@v#func')
    .option('--describe <text>', 'the meaning that is looked for')
    .option('--provided <imports...>', 'imports that can be met; modules that ask for others are passed over')
    .addOption(new Option('--threshold <number>', 'least similarity, -1 to 1').argParser(Number))
    .addOption(new Option('--limit <number>', 'most matches').argParser(Number).default(10))
    .action(shell.action((flags: QueryFlags) => query(shell, flags)));

  add('fetch', 'write the verified bytes of a module to a file')
    .argument('<id>', 'the module, as viv registry list shows it')
    .requiredOption('-o, --output <file>', 'where they go')
    .action(
      shell.action((id: string, flags: RegistryFlags & { output: string }) =>
        withRegistry(shell, flags, async ({ client }) => {
          const { record, bytes } = await client.fetch(id);
          await writeFile(flags.output, bytes);
          shell.result({ ...shown(record), output: flags.output }, `${flags.output}  ${counted(bytes.length, 'byte')}`);
        }),
      ),
    );

  add('list', 'list all modules')
    .addOption(new Option('--status <status>', 'only these').choices(['pending', 'verified', 'revoked']))
    .option('--name <name>', 'only those of this name')
    .action(
      shell.action((flags: RegistryFlags & { status?: ModuleRecord['status']; name?: string }) =>
        withRegistry(shell, flags, async ({ client }) => {
          const { status, name } = flags;
          for (let after: string | undefined; ; ) {
            const page = await client.list({ status, name, after, limit: 100 });
            if (after === undefined && page.length === 0)
              shell.note("no such module; publish one with 'viv registry publish'");
            for (const record of page) print(shell, record);
            after = page.at(-1)?.id;
            if (page.length < 100) return;
          }
        }),
      ),
    );

  add('stats', 'show what lookups came to').action(
    shell.action((flags: RegistryFlags) =>
      withRegistry(shell, flags, async ({ client }) => {
        const statistics = await client.statistics();
        const { modules, bytes, outcomes, hitRate, savedMs, mostUsed } = statistics;
        const lines = [
          `modules   ${modules.verified} verified, ${modules.pending} pending, ${modules.revoked} revoked; ${counted(bytes, 'byte')}`,
          `lookups   ${counted(outcomes.hit, 'hit')}, ${counted(outcomes.miss, 'miss', 'misses')}, ${outcomes.refused} refused, ${outcomes.failed} failed`,
          `hit rate  ${(hitRate * 100).toFixed(1)} %; ${Math.round(savedMs)} ms saved`,
          ...mostUsed.map(({ id, name, useCount }) => `used      ${counted(useCount, 'time')}  ${id}  ${name}`),
        ];
        shell.result({ ...statistics }, printable(lines.join('\n')));
      }),
    ),
  );

  addLimitOptions(add('sign', "add a key's signature to a module as it stands, once its bytes are checked"))
    .argument('<id>', 'the module, as viv registry list shows it')
    .option('--key <name>', 'the private key that signs (default: the only one)')
    .option('--verifier <name>', "the verifier's private key (default: the same)")
    .option('--check <command>', 'a shell command that must end with 0; the file is in VIVARIUM_COMPONENT')
    .action(
      shell.action((id: string, flags: RegistryFlags & LimitFlags & Pick<PublishFlags, 'key' | 'verifier' | 'check'>) =>
        withRegistry(shell, { ...flags, limits: limitsOf(flags) }, async (open) => {
          const publisher = await open.publisher({ key: flags.key, verifier: flags.verifier });
          print(shell, await publisher.sign(id, { check: checkOf(shell, flags) }));
        }),
      ),
    );

  add('revoke', 'take a module out of use for good')
    .argument('<id>', 'the module, as viv registry list shows it')
    .option('--key <name>', 'the private key that signs the revocation (default: the only one)')
    .action(
      shell.action((id: string, flags: RegistryFlags & { key?: string }) =>
        withRegistry(shell, flags, async (open) =>
          print(shell, await (await open.publisher({ key: flags.key })).revoke(id)),
        ),
      ),
    );

  add('gc', 'delete blobs that no module points to, modules that nobody uses, and old lookups')
    .addOption(
      new Option('--grace <time>', 'how old a blob must be, as 48h (default: 24h)').argParser(reading(parseDuration)),
    )
    .addOption(new Option('--idle <time>', 'evict modules unused for so long').argParser(reading(parseDuration)))
    .addOption(new Option('--keep <number>', 'evict down to so many modules').argParser(Number))
    .action(
      shell.action((flags: RegistryFlags & { grace?: number; idle?: number; keep?: number }) =>
        withRegistry(shell, flags, async ({ client }) => {
          const { grace, idle, keep } = flags;
          const idleSince = idle === undefined ? undefined : Date.now() - idle;
          const evicted = idleSince === undefined && keep === undefined ? [] : await client.evict({ idleSince, keep });
          const { seen, deleted } = await client.collectOrphans(grace);
          const forgotten = await client.forgetLookups();
          shell.result(
            { evicted, seen, deleted, forgotten },
            `${counted(evicted.length, 'module')} evicted; ${deleted.length} of ${counted(seen, 'blob')} deleted; ${counted(forgotten, 'lookup')} forgotten`,
          );
        }),
      ),
    );
  return registry;
}

async function publish(shell: Shell, file: string, flags: PublishFlags): Promise<void> {
  const bytes = await readRegular(file, flags.maxComponent ?? DEFAULT_MAX_COMPONENT_BYTES, { links: 'follow' }).catch(
    (cause: unknown) => {
      throw new CliError('CLI_USAGE', `${file} cannot be read: ${messageOf(cause)}`, { cause });
    },
  );
  await withRegistry(shell, { ...flags, limits: limitsOf(flags) }, async (open) => {
    const { key, verifier, describe, version, name = basename(file, '.wasm'), supersedes } = flags;
    const vector = await embed(shell, flags, describe);
    const publisher = await open.publisher({ key, verifier });
    const predecessor = supersedes === undefined ? undefined : (await open.client.get(supersedes)).storagePointer;
    const metadata = { name, version, description: describe, supersedes: predecessor, ...vector };
    print(shell, await publisher.publishModule(bytes, metadata, { check: checkOf(shell, flags) }));
  });
}

function checkOf(shell: Shell, { check }: Pick<PublishFlags, 'check'>): ReturnType<typeof checkByCommand> | undefined {
  return check === undefined ? undefined : checkByCommand(check, (line) => shell.line(line));
}

async function query(shell: Shell, flags: QueryFlags): Promise<void> {
  const { world, function: name, describe, provided, threshold, limit } = flags;
  const isHash = /^sha256:[0-9a-f]{64}$/.test(flags.interface);
  const select = { ...(world === undefined ? {} : { world }), ...(name === undefined ? {} : { function: name }) };
  const interfaceHash = isHash ? flags.interface : (await interfaceOf(flags.interface, select)).interfaceHash;
  await withRegistry(shell, flags, async ({ client }) => {
    const vector = describe === undefined ? {} : await embed(shell, flags, describe);
    const matches = await client.query({ interfaceHash, provided, threshold, limit, ...vector });
    for (const { record, similarity } of matches) print(shell, record, similarity);
    if (matches.length === 0) shell.note('no module of this interface and meaning');
  });
}

function addEmbedderOption(command: Command): Command {
  return command.option(
    '--embedder <what>',
    'local, none, or the URL of an OpenAI-compatible API as URL#MODEL',
    'local',
  );
}

/** Embeds a text. Without the packages of the local model, a module gets no vector and is found only by its interface. */
async function embed(
  shell: Shell,
  { embedder }: EmbedderFlags,
  text: string,
): Promise<{ embedding?: Float32Array; embedderId?: string }> {
  if (embedder === 'none') return {};
  const model = await openEmbedder(embedder, process.env.VIVARIUM_EMBEDDER_KEY);
  try {
    return { embedding: await model.embed(text), embedderId: model.id };
  } catch (error) {
    if (!isVivariumError(error, 'DELEGATION_MISSING_PEER')) throw error;
    shell.line(error.message, `without a meaning: `);
    return {};
  }
}

async function withRegistry(
  shell: Shell,
  flags: RegistryFlags & Pick<Parameters<typeof openRegistry>[0] & object, 'limits'>,
  work: (registry: OpenRegistry) => Promise<void>,
): Promise<void> {
  const { registry, blobs, separateVerifier, limits } = flags;
  const refused = (error: Error): void => shell.line(error.message, `refused: `);
  await using open = await openRegistry({ registry, blobs, separateVerifier, limits, refused });
  await work(open);
}

function print(shell: Shell, record: ModuleRecord, similarity?: number): void {
  const { id, status, name, version, description } = record;
  const [first = ''] = description.split('\n', 1);
  const near = similarity === undefined ? '' : `  ${similarity.toFixed(3)}`;
  shell.result({ ...shown(record), similarity }, printable(`${id}  ${status}${near}  ${name} ${version}  ${first}`));
}

/** Returns a record without its signatures and its vector, which are of no use to a human reader. */
function shown(record: ModuleRecord): Record<string, unknown> {
  const { embedding, signature, verification, revocation, ...rest } = record;
  return { ...rest, dimensions: embedding?.length };
}
