import { inspect } from 'node:util';
import { Command } from 'commander';
import { parseForeignJson, printable } from '#core/text';
import { createRuntime } from '#system';
import { CliError } from '../errors.ts';
import {
  type AuthorityFlags,
  addAuthorityOptions,
  preopensOf,
  reportAuthority,
  trustOf,
} from '../options/authority.ts';
import { addEngineOptions, type EngineFlags } from '../options/engine-options.ts';
import { addLimitOptions, type LimitFlags, limitsOf } from '../options/limit-options.ts';
import { addRegistryOptions, componentOf, type RegistryFlags } from '../options/registry-source.ts';
import { runtimeOptionsOf } from '../options/runtime-options.ts';
import type { Shell } from '../shell.ts';
import { usageFigures, usageLine } from '../terminal/usage.ts';

type CallFlags = LimitFlags & AuthorityFlags & RegistryFlags & EngineFlags;

export function callCommand(shell: Shell): Command {
  const command = new Command('call')
    .description('call an export of a component of any world')
    .argument('<component>', 'the component: a path, registry:ID, or an https: URL with #sha256=…')
    .argument('<export>', "the export's name; an interface's is ns:pkg/iface@v#func")
    .argument(
      '[arguments]',
      'one JSON array of all arguments; 64-bit integers as decimal strings, "NaN" and "Infinity" for floats',
      '[]',
    )
    .addHelpText(
      'after',
      `
Examples:
  viv call math.wasm add '[1, 2]'
  viv call codec.wasm 'acme:codec/text@1.0.0#encode' '["hello"]' --json`,
    );
  return addEngineOptions(addRegistryOptions(addAuthorityOptions(addLimitOptions(command)))).action(
    shell.action((component: string, name: string, args: string, flags: CallFlags) =>
      call(shell, component, name, args, flags),
    ),
  );
}

async function call(shell: Shell, component: string, name: string, text: string, flags: CallFlags): Promise<void> {
  checkJson(text);
  await using runtime = await createRuntime({
    limits: limitsOf(flags),
    ...runtimeOptionsOf(flags, trustOf(component, flags)),
  });
  runtime.on('log', ({ channel, message }) => shell.line(message, `[${channel}] `));
  reportAuthority(shell, runtime);
  const handle = await runtime.load(await componentOf(component, flags), {
    grants: flags.grant,
    preopens: preopensOf(flags),
  });
  const result = await runtime.callJson(handle, name, text);
  const figures = usageFigures(runtime.usage(handle));
  shell.result({ result: result ?? null, ...figures }, printable(inspect(result, { depth: 8, maxArrayLength: 1_000 })));
  shell.note(usageLine(figures));
}

/** Checks that the text is a JSON array, before anything is loaded. The items are checked later, against the export's types. */
function checkJson(text: string): void {
  let parsed: unknown;
  try {
    parsed = parseForeignJson(text, { maxLength: 2 ** 20 });
  } catch (cause) {
    throw new CliError('CLI_USAGE', `the arguments are not JSON; write one array of all, as '[1, "two"]'`, { cause });
  }
  if (!Array.isArray(parsed)) throw new CliError('CLI_USAGE', `the arguments are not an array; write '[${text}]'`);
}
