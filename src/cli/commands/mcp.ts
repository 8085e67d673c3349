import { Command, Option } from 'commander';
import { type ComponentHandle, formatComponentId } from '#core';
import { printable } from '#core/text';
import { createRuntime, type LoadOptions, type Runtime } from '#system';
import { missingGrants, readManifest, readWitComments } from '#system/operations';
import { CliError } from '../errors.ts';
import { type AuthorityFlags, addAuthorityOptions, preopensOf, reportAuthority } from '../options/authority.ts';
import { collect } from '../options/collect.ts';
import { addEngineOptions, type EngineFlags } from '../options/engine-options.ts';
import { type EnvironmentFlags, environmentOf } from '../options/environment.ts';
import { addLimitOptions, type LimitFlags, limitsOf } from '../options/limit-options.ts';
import { addRegistryOptions, componentOf, type RegistryFlags } from '../options/registry-source.ts';
import { runtimeOptionsOf } from '../options/runtime-options.ts';
import type { Shell } from '../shell.ts';
import { version } from '../version.ts';

interface McpFlags extends AuthorityFlags, EngineFlags, LimitFlags, RegistryFlags, EnvironmentFlags {
  readonly store: 'per-call' | 'per-actor';
  readonly wit?: string;
  readonly descriptions: boolean;
}

export function mcpCommand(shell: Shell): Command {
  const command = new Command('mcp')
    .description('offer the functions that components export as tools of MCP, on standard input and output')
    .argument('<component...>', 'a path, registry:ID, an https: URL with #sha256=…, or a manifest, actor.toml')
    .option('--env <name=value>', 'a variable of their environment; may be given several times', collect, [])
    .addOption(
      new Option('--store <policy>', 'per-call: a fresh instance for each call; per-actor: one for all')
        .choices(['per-call', 'per-actor'])
        .default('per-call'),
    )
    .option('--wit <path>', 'a WIT file or folder, whose comments describe the tools')
    .option(
      '--no-descriptions',
      'keep comments that components carry from the client, which may believe what they say',
    );
  return addEngineOptions(addRegistryOptions(addAuthorityOptions(addLimitOptions(command)))).action(
    shell.action((components: readonly string[], flags: McpFlags) => mcp(shell, components, flags)),
  );
}

async function mcp(shell: Shell, components: readonly string[], flags: McpFlags): Promise<void> {
  const { ComponentTools, serveMcpStdio } = await import('#server/mcp');
  const docs = flags.wit === undefined ? undefined : await readWitComments(flags.wit);
  await using runtime = await createRuntime({
    limits: limitsOf(flags),
    ...runtimeOptionsOf(flags, components.every((each) => each.startsWith('registry:')) ? 'any' : flags.trust),
  });
  reportAuthority(shell, runtime);
  runtime.on('log', ({ handle, channel, message }) =>
    shell.line(message, `${printable(formatComponentId(handle.id))}  [${channel}] `),
  );
  const handles: ComponentHandle[] = [];
  for (const component of components) handles.push(await load(runtime, component, flags));
  const tools = new ComponentTools(runtime, () => handles, { docs, descriptions: flags.descriptions });
  for (const name of tools.left()) {
    shell.line(`${name} is no tool, because a value of it has no JSON form`, '[warning] ');
  }
  if (tools.list().length === 0) {
    throw new CliError('CLI_USAGE', 'the components export no function that can be a tool; see viv inspect');
  }
  const { stdin: input, stdout: output } = shell.streams;
  await serveMcpStdio(tools, { input, output, version: version() });
}

/** Loads a component with the flags, or one of a manifest with the limits, environment and grants of its own. */
async function load(runtime: Runtime, component: string, flags: McpFlags): Promise<ComponentHandle> {
  const options: LoadOptions = {
    store: flags.store,
    preopens: preopensOf(flags),
    // A call that nobody waits for any more must not go on.
    cancel: 'turn',
    // With one instance for all calls, a call that fails takes the instance with it.
    ...(flags.store === 'per-actor' ? { supervision: { restart: 'transient' } } : {}),
  };
  if (!component.endsWith('.toml')) {
    const own = { grants: flags.grant, env: environmentOf(flags) };
    return runtime.load(await componentOf(component, flags), { ...options, ...own });
  }
  const { id, component: source, limits, env, grants } = await readManifest(component);
  const missing = missingGrants(grants, flags.grant);
  if (missing.length > 0) {
    const wanted = missing.map((grant) => `--grant '${grant}'`).join(' ');
    throw new CliError('CLI_USAGE', `${component} asks for grants that were not given; to give them, write ${wanted}`);
  }
  return runtime.load(source, { ...options, id, limits, env: { ...env, ...environmentOf(flags) }, grants });
}
