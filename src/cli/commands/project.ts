import { relative } from 'node:path';
import { Command, Option } from 'commander';
import { parseDuration } from '#core/options';
import { buildActor, type Language, newActor, type Template } from '#system/operations';
import { reading } from '../options/limit-options.ts';
import type { Shell } from '../shell.ts';
import { quoted } from '../terminal/quoted.ts';

interface NewFlags {
  readonly template?: Template;
  readonly language: Language;
}

export function newCommand(shell: Shell): Command {
  return new Command('new')
    .description('make the project of a TypeScript actor, or of another component')
    .argument('<folder>', 'a new or empty folder')
    .addOption(
      new Option('--template <name>', 'what the project makes')
        .choices(['actor', 'handler', 'library', 'command'])
        .default(undefined, 'actor in TypeScript, command in other languages'),
    )
    .addOption(
      new Option('--language <name>', 'the language; others than TypeScript are built by their own compilers')
        .choices(['typescript', 'rust', 'python', 'c'])
        .default('typescript'),
    )
    .addHelpText('after', '\nNothing has to be installed in it: viv build bundles what it imports.')
    .action(
      shell.action(async (folder: string, { template, language }: NewFlags) => {
        const files = await newActor(folder, template, language);
        const next = language !== 'typescript' ? `the commands in ${folder}/README.md` : `viv build ${quoted(folder)}`;
        shell.result({ folder, files }, `${files.map((file) => `  ${folder}/${file}`).join('\n')}\n\nNext: ${next}`);
      }),
    );
}

interface BuildFlags {
  readonly output?: string;
  readonly engine?: 'qjs' | 'starlingmonkey';
  readonly world?: string;
  readonly check: boolean;
  readonly timeout?: number;
}

export function buildCommand(shell: Shell): Command {
  return new Command('build')
    .description('make a component of a TypeScript or JavaScript actor')
    .argument('[folder]', "the project's folder, or its entry file", '.')
    .option('-o, --output <file>', 'where the component goes (default: actor.wasm in the folder)')
    .option('--world <name>', 'the world of its wit folder to build (default: guest)')
    .option('--no-check', 'do not check types')
    .option(
      '--timeout <time>',
      'time for making the component, and with it for the top level of its source (default: 60s)',
      reading(parseDuration),
    )
    .addOption(
      new Option('--engine <name>', 'the JavaScript engine inside; starlingmonkey is fetched by npx')
        .choices(['qjs', 'starlingmonkey'])
        .default('qjs'),
    )
    .action(
      shell.action(async (folder: string, flags: BuildFlags) => {
        const { file, bytes, engine, warnings } = await buildActor(folder, {
          output: flags.output,
          engine: flags.engine,
          world: flags.world,
          check: flags.check,
          maxTimeMs: flags.timeout,
        });
        if (!shell.json) for (const warning of warnings) shell.line(warning);
        const shown = relative(process.cwd(), file);
        shell.result({ file, bytes, engine, warnings }, `${shown}  ${(bytes / 2 ** 20).toFixed(2)} MiB`);
      }),
    );
}
