import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { messageOf } from '#core/errors';
import type { MeteringMode } from '#core/ports/meter';
import { printable } from '#core/text';
import { type MeteredFile, meterFile } from '#system/operations';
import { CliError } from '../errors.ts';
import { addSizeOption } from '../options/limit-options.ts';
import type { Shell } from '../shell.ts';
import { counted } from '../terminal/counted.ts';

interface MeterFlags {
  readonly output?: string;
  readonly mode: MeteringMode;
  readonly explain?: boolean;
  readonly maxComponent?: number;
}

/** The number of functions that `--explain` shows; `--json` shows all. */
const SHOWN = 30;

export function meterCommand(shell: Shell): Command {
  return addSizeOption(new Command('meter'))
    .description('rewrite a core module, or every core module of a component, so that it counts fuel')
    .argument('<file>', 'a core module or a component')
    .option('-o, --output <file>', 'where the metered file goes')
    .option('--explain', 'list functions by static cost, and what was inserted')
    .addOption(
      new Option('--mode <mode>', 'fuel counts exactly; deadline bounds time only')
        .choices(['fuel', 'deadline'])
        .default('fuel'),
    )
    .addHelpText(
      'after',
      '\nThe runtime meters by itself: this is for looking, and for embedders of vivarium/metering.',
    )
    .action(shell.action((file: string, flags: MeterFlags) => run(shell, file, flags)));
}

async function run(
  shell: Shell,
  file: string,
  { output, mode, explain = false, maxComponent }: MeterFlags,
): Promise<void> {
  if (output === undefined && !explain) throw new CliError('CLI_USAGE', 'give -o <file>, --explain, or both');
  const result = await meterFile(file, mode, { maxBytes: maxComponent });
  if (output !== undefined) await write(output, result.metered);
  const grown = result.metered.length / result.before.length - 1;
  const summary = `${file}: ${counted(result.before.length, 'byte')}, metered ${result.metered.length} (${grown < 0 ? '' : '+'}${(grown * 100).toFixed(1)} %)`;
  shell.result(
    {
      file,
      output,
      mode,
      bytes: result.before.length,
      meteredBytes: result.metered.length,
      ...(explain ? { modules: result.modules } : {}),
    },
    explain ? `${summary}\n${explanation(result)}` : summary,
  );
}

async function write(output: string, bytes: Uint8Array): Promise<void> {
  await writeFile(output, bytes).catch((cause) => {
    throw new CliError('CLI_USAGE', `${output} cannot be written: ${messageOf(cause)}`, { cause });
  });
}

function explanation({ modules }: MeteredFile): string {
  return modules
    .map(({ startupFuel, functions }, index) => {
      const rows = functions
        .slice(0, SHOWN)
        .map(({ name, index: number, staticCost, convention, checks, payments }) => {
          const named = printable(name ?? `#${number}`).slice(0, 48);
          return `  ${named.padEnd(48)} cost ${staticCost}, ${convention}, ${counted(checks, 'check')}, ${counted(payments, 'payment')}`;
        });
      const rest = functions.length > SHOWN ? [`  … and ${functions.length - SHOWN} more; --json has all`] : [];
      return [
        `module ${index}: ${counted(functions.length, 'function')}, ${startupFuel} ${startupFuel === 1 ? 'unit' : 'units'} at startup`,
        ...rows,
        ...rest,
      ].join('\n');
    })
    .join('\n');
}
