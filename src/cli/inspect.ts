import { Command } from 'commander';
import { inspectComponent } from '#system';
import { printable } from './printable.ts';
import type { Shell } from './shell.ts';

export function inspectCommand(shell: Shell): Command {
  return new Command('inspect')
    .description('show what a component is: imports, exports, sizes, digest')
    .argument('<component>', 'the component: a path, or an https: URL with #sha256=…')
    .action(
      shell.action(async (component: string) => {
        const found = await inspectComponent(component);
        const lines = [
          `digest   ${found.digest}`,
          `kind     ${found.kind}`,
          ...found.imports.map(({ name, status }) => `import   ${name}  ${shell.style('dim', status)}`),
          ...found.exports.map((name) => `export   ${name}`),
          ...found.coreModules.map(
            ({ bytes, functions, initialMemoryBytes }) =>
              `module   ${bytes} bytes, ${functions} functions, ${initialMemoryBytes} bytes of memory at first`,
          ),
          ...found.unsupported.map((feature) => `refused  ${feature} cannot run here`),
        ];
        shell.result({ ...found }, printable(lines.join('\n')));
      }),
    );
}
