import { Command, CommanderError } from 'commander';
import { auditCommand } from './commands/audit.ts';
import { cacheCommand } from './commands/cache.ts';
import { callCommand } from './commands/call.ts';
import { devCommand } from './commands/dev.ts';
import { inspectCommand } from './commands/inspect.ts';
import { keyCommand, signCommand, verifyCommand } from './commands/keys.ts';
import { mcpCommand } from './commands/mcp.ts';
import { meterCommand } from './commands/meter.ts';
import { buildCommand, newCommand } from './commands/project.ts';
import { registryCommand } from './commands/registry.ts';
import { runCommand } from './commands/run.ts';
import { serveCommand } from './commands/serve.ts';
import { startCommand } from './commands/start.ts';
import { tokenCommand } from './commands/token.ts';
import { typesCommand } from './commands/types.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { addExamples } from './help-examples.ts';
import { Shell, type Streams } from './shell.ts';
import { BrokenOutput } from './terminal/broken-output.ts';
import { version } from './version.ts';

/** All commands, in the order in which the help lists them. */
const COMMANDS = [
  newCommand,
  buildCommand,
  devCommand,
  runCommand,
  startCommand,
  serveCommand,
  mcpCommand,
  callCommand,
  inspectCommand,
  typesCommand,
  meterCommand,
  cacheCommand,
  registryCommand,
  tokenCommand,
  keyCommand,
  signCommand,
  verifyCommand,
  auditCommand,
];

const EXIT_CODES = `
Exit codes: 0 done; 1 the component failed or was stopped; 2 wrong usage; 3 not found;
4 refused (trust, permission, damaged); 5 unreachable server; 6 unauthorised.
A command that \`viv run\` runs gives its own; 124 says that a budget ended it, 134 that it trapped.`;

/**
 * Runs `viv` with these arguments.
 * @param leave ends the process where its output cannot be written
 * @returns the exit code
 */
export async function main(
  args: readonly string[],
  streams: Streams = process,
  leave: (code: number) => void = (code) => process.exit(code),
): Promise<number> {
  const shell = new Shell(streams, new BrokenOutput(streams, leave));
  // Arguments after -- belong to the component.
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  shell.json = own.includes('--json');
  const program = new Command('viv')
    .description('runs untrusted WebAssembly components within limits that they cannot escape')
    .version(version(), '--version', 'print the version of Vivarium')
    // An option after a command's name belongs to the command, even if `viv` has an option of the same name.
    .enablePositionalOptions()
    .addHelpText('after', EXIT_CODES);
  for (const make of COMMANDS) program.addCommand(make(shell));
  for (const command of everyCommand(program)) prepare(command, shell);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.done;
    if (shell.json) shell.fail(new CliError('CLI_USAGE', error.message.replace(/^error: /, '')));
    return EXIT.usage;
  }
  return shell.exitCode;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

/** Gives every command the same width, colours and error handling. */
function prepare(command: Command, shell: Shell): void {
  command
    .exitOverride()
    .showHelpAfterError('(see --help)')
    .configureOutput({
      writeOut: (text) => shell.streams.stdout.write(text),
      writeErr: (text) => {
        if (!shell.json) shell.streams.stderr.write(text);
      },
    });
  if (command.commands.length === 0) command.option('--json', 'print one JSON object a line');
  for (const option of command.options) {
    if (Array.isArray(option.defaultValue) && option.defaultValue.length === 0) option.defaultValueDescription = 'none';
  }
  addExamples(command);
}
