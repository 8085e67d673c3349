import { Command } from 'commander';
import { printable } from '#core/text';
import { inspectComponent, readManifest } from '#system/operations';
import { addSizeOption } from '../options/limit-options.ts';
import { addRegistryOptions, componentOf, type RegistryFlags } from '../options/registry-source.ts';
import type { Shell } from '../shell.ts';
import { counted } from '../terminal/counted.ts';

export function inspectCommand(shell: Shell): Command {
  const command = new Command('inspect')
    .description('show what a component is: imports, exports, sizes, digest')
    .argument('<component>', 'the component: a path, registry:ID, or an https: URL with #sha256=…; or an actor.toml');
  return addSizeOption(
    addRegistryOptions(command.option('--text', 'show the texts that the hashes are taken over')),
  ).action(
    shell.action(async (component: string, flags: RegistryFlags & { text?: boolean; maxComponent?: number }) => {
      if (component.endsWith('.toml')) {
        await inspectManifest(shell, component);
        return;
      }
      const found = await inspectComponent(await componentOf(component, flags), {
        maxBytes: flags.maxComponent,
        check: true,
      });
      const lines = [
        `digest   ${found.digest}`,
        `kind     ${found.kind}`,
        ...found.imports.map(({ name, status }) => `import   ${name}  ${shell.style('dim', status)}`),
        ...found.exports.map((name) => `export   ${name}`),
        ...found.coreModules.map(
          ({ bytes, functions, initialMemoryBytes }) =>
            `module   ${counted(bytes, 'byte')}, ${counted(functions, 'function')}, ${counted(initialMemoryBytes, 'byte')} of memory at first`,
        ),
        ...(found.asynchronous.length === 0 ? [] : [`async    ${found.asynchronous.join(', ')}`]),
        ...(found.refused === undefined ? [] : [`refused  ${found.refused}`]),
        `calls    ${found.calls}${found.whyGlue === undefined ? '' : `: it ${found.whyGlue}`}`,
        `offers   ${found.interfaceHash}`,
        ...(flags.text ? [found.interfaceText] : []),
        `asks for ${found.requiresHash}`,
        ...(flags.text ? [found.requirementsText] : []),
      ];
      shell.result({ ...found }, printable(lines.join('\n')));
    }),
  );
}

/** Shows what a manifest asks for. Asking grants nothing. */
async function inspectManifest(shell: Shell, file: string): Promise<void> {
  const { id, component, limits, grants } = await readManifest(file);
  const lines = [
    `id        ${id}`,
    `component ${component}`,
    ...Object.entries(limits).flatMap(([name, value]) => (value === undefined ? [] : [`limit     ${name} ${value}`])),
    ...grants.map((grant) => `asks for  ${grant}`),
  ];
  shell.result({ id, component, limits, grants }, printable(lines.join('\n')));
}
