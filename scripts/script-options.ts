import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/** A script's options and arguments; `--help` prints how it is used, and so does what it does not know, as an error. */
export function scriptOptions<const T extends Options>(
  usage: string,
  options: T,
): ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (thrown) {
    refuse(usage, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** Ends the script for a wrong use of it. */
export function refuse(usage: string, reason: string): never {
  console.error(`${reason}\n${usage}`);
  process.exit(2);
}
