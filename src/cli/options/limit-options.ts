import { type Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '#core/errors';
import type { ResourceLimits } from '#core/limits';
import { parseBytes, parseDuration } from '#core/options';

export interface LimitFlags {
  readonly fuel?: bigint;
  readonly memory?: number;
  readonly timeout?: number;
  readonly maxComponent?: number;
}

/** Adds `--fuel`, `--memory`, `--timeout` and `--max-component`. */
export function addLimitOptions(command: Command): Command {
  return addSizeOption(command)
    .addOption(new Option('--fuel <units>', 'fuel for each call').argParser(reading(parseFuel)))
    .addOption(new Option('--memory <size>', 'memory of the component, as 64MiB').argParser(reading(parseBytes)))
    .addOption(new Option('--timeout <time>', 'time for each call, as 500ms or 2s').argParser(reading(parseTimeout)));
}

/** Adds `--max-component`. */
export function addSizeOption(command: Command): Command {
  return command.addOption(
    new Option('--max-component <size>', 'the largest component that is read, 64MiB by default').argParser(
      reading(parseBytes),
    ),
  );
}

export function limitsOf({ fuel, memory, timeout }: LimitFlags): ResourceLimits {
  return { maxFuel: fuel, maxMemoryBytes: memory, maxExecutionTimeMs: timeout };
}

/** Turns a parser's error into commander's error for an invalid argument. */
export function reading<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  };
}

function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === 0) throw new Error('give a time above 0, as 500ms or 2s');
  return milliseconds;
}

function parseFuel(text: string): bigint {
  if (!/^\d{1,19}$/.test(text)) throw new Error('give a whole number');
  return BigInt(text);
}
