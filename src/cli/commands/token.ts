import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '#core/options';
import type { Scope } from '#server/management';
import { CliError } from '../errors.ts';
import { reading } from '../options/limit-options.ts';
import type { Shell } from '../shell.ts';

/** Written out, with every scope, so that no other command's start loads the server for them. */
const SCOPES = Object.keys({ read: 0, send: 0, call: 0, deploy: 0 } satisfies Record<Scope, 0>) as Scope[];
const DEFAULT: readonly Scope[] = ['read'];

interface TokenFlags {
  readonly scope: readonly Scope[];
  /** Milliseconds from now. */
  readonly validFor?: number;
}

/** `viv token`: makes tokens of the management API. */
export function tokenCommand(shell: Shell): Command {
  const command = new Command('token').description('make tokens for the management API of viv serve');
  command
    .command('new')
    .description('make a token; it is shown once, and its hash is for vivarium.toml')
    .argument('<name>', 'who or what will use it')
    .addOption(
      new Option('--scope <scope>', `what it permits: ${SCOPES.join(', ')}; may be given several times`)
        .default(DEFAULT)
        .argParser(scopes),
    )
    .option('--valid-for <time>', 'how long it counts, as 90d', reading(parseDuration))
    .action(
      shell.action(async (name: string, { scope, validFor }: TokenFlags) => {
        if (!/^[\w.-]{1,64}$/.test(name)) {
          throw new CliError('CLI_USAGE', 'a name has up to 64 letters, digits, dots, hyphens and underscores');
        }
        const { newToken } = await import('#server/management');
        const { token, hash } = newToken();
        const expires = validFor === undefined ? undefined : new Date(Date.now() + validFor).toISOString();
        const lines = [
          '[[tokens]]',
          `name = "${name}"`,
          `hash = "${hash}"`,
          `scopes = [${scope.map((each) => `"${each}"`).join(', ')}]`,
          ...(expires === undefined ? [] : [`expires = "${expires}"`]),
        ];
        shell.result({ name, token, hash, scopes: scope, expires }, `${token}\n\n${lines.join('\n')}`);
      }),
    );
  return command;
}

function scopes(text: string, before: readonly Scope[] | undefined): readonly Scope[] {
  const scope = SCOPES.find((each) => each === text);
  if (scope === undefined) throw new InvalidArgumentError(`there are ${SCOPES.join(', ')}`);
  // The first scope takes the place of the default.
  return before === undefined || before === DEFAULT ? [scope] : [...before, scope];
}
