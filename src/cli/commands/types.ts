import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { declareTypes } from '#system/operations';
import type { Shell } from '../shell.ts';

interface TypesFlags {
  readonly output?: string;
  readonly world?: string;
  readonly guest?: true;
}

export function typesCommand(shell: Shell): Command {
  return new Command('types')
    .description("write TypeScript declarations of a component's interfaces")
    .argument('<source>', 'a component, a .wit file, or a folder with WIT, as a project')
    .option('-o, --output <file>', 'where the declarations go, as shop.d.ts (default: standard output)')
    .option('--world <name>', 'the world of the WIT, where it has several')
    .option('--guest', "for the component's own source, instead of the program that loads it")
    .addHelpText(
      'after',
      `
Without --guest: the types World, for runtime.bind<World>(handle), and Imports, for what load is given. With it: a module
for each interface that a source imports, and World of what it exports. Comments come from the WIT, or from the component where its build kept them.`,
    )
    .action(
      shell.action(async (source: string, { output, world, guest }: TypesFlags) => {
        const text = await declareTypes(source, { world, side: guest === true ? 'guest' : 'host' });
        if (output === undefined) return shell.result({ declarations: text }, text.trimEnd());
        await writeFile(output, text);
        shell.result({ file: output, bytes: Buffer.byteLength(text) }, `${output} has the declarations`);
      }),
    );
}
