import type { HostLinker, HostState } from '#runtime/host';
import { RuntimeError } from '../errors.ts';
import { type ByteSink, type ByteSource, NO_BYTES, sinkOf, sourceOf } from './byte-streams.ts';
import { failed, InputStream, OutputStream } from './io.ts';
import { LineSink } from './line-sink.ts';

/**
 * Defines `wasi:cli` 0.2: the environment, arguments and standard streams that `load` gave, and an exit that ends the store. If `load` gave
 * no streams, standard input is empty and standard output and error go to the log.
 */
export function defineCli(linker: HostLinker): void {
  const printing = (channel: 'stdout' | 'stderr') => (caller: HostState) =>
    new OutputStream(
      caller,
      outputOf(caller, channel, () => failed(caller, 'io', `${channel} failed`)),
    );

  linker.define('wasi:cli/environment@0.2.0', {
    getEnvironment,
    getArguments,
    initialCwd: () => undefined,
  });
  linker.define('wasi:cli/exit@0.2.0', {
    exit: (caller: HostState, status: { tag: 'ok' | 'err' }) => exit(caller, status.tag === 'ok' ? 0 : 1),
    exitWithCode: (caller: HostState, code: number) => exit(caller, code),
  });
  linker.define('wasi:cli/stdin@0.2.0', {
    getStdin: (caller: HostState) =>
      new InputStream(
        caller,
        inputOf(caller, () => failed(caller, 'io', 'stdin failed')),
      ),
  });
  linker.define('wasi:cli/stdout@0.2.0', { getStdout: printing('stdout') });
  linker.define('wasi:cli/stderr@0.2.0', { getStderr: printing('stderr') });
  defineTerminals(linker, '0.2.0');
}

export function exit(caller: HostState, status: number): never {
  return caller.stop(
    new RuntimeError('RUNTIME_EXITED', `the component called exit with ${status}`, { details: { status } }),
  );
}

export function getEnvironment(caller: HostState): string[][] {
  return caller.context.environment().map((pair) => [...pair]);
}

export function getArguments(caller: HostState): string[] {
  return [...caller.context.args];
}

/** @param failed makes the error case that the guest gets where the standard input fails */
export function inputOf(caller: HostState, failed: () => unknown): ByteSource {
  const { stdin } = caller.context.stdio;
  return stdin === undefined ? NO_BYTES : sourceOf(stdin, failed);
}

/** A store has one sink per channel, because a guest may ask for the stream at every line and drop none. */
const lines = { stdout: new WeakMap<HostState, LineSink>(), stderr: new WeakMap<HostState, LineSink>() };

/** @param errors as for `sinkOf` */
export function outputOf(
  caller: HostState,
  channel: 'stdout' | 'stderr',
  ...errors: [failed: () => unknown, closed?: unknown]
): ByteSink {
  const output = caller.context.stdio[channel];
  if (output === undefined) return linesOf(caller, channel, (line) => caller.log(channel, line, []));
  const sink = sinkOf(output, ...errors);
  if (channel === 'stdout') return sink;
  // What the guest says there of an exception is the reason of a trap, whoever else reads it.
  const heard = linesOf(caller, channel, (line) => caller.hear(line));
  const write = (bytes: Uint8Array): void => {
    sink.write(bytes);
    heard.write(bytes);
  };
  return { ...sink, write };
}

function linesOf(caller: HostState, channel: 'stdout' | 'stderr', take: (line: string) => void): LineSink {
  const sink = lines[channel].get(caller) ?? new LineSink(caller, take);
  lines[channel].set(caller, sink);
  return sink;
}

/** Defines the interfaces of terminals, of which no component has one. All versions have the same. */
export function defineTerminals(linker: HostLinker, version: string): void {
  class TerminalInput {}
  class TerminalOutput {}

  linker.define(`wasi:cli/terminal-input@${version}`, { TerminalInput });
  linker.define(`wasi:cli/terminal-output@${version}`, { TerminalOutput });
  linker.define(`wasi:cli/terminal-stdin@${version}`, { getTerminalStdin: () => undefined });
  linker.define(`wasi:cli/terminal-stdout@${version}`, { getTerminalStdout: () => undefined });
  linker.define(`wasi:cli/terminal-stderr@${version}`, { getTerminalStderr: () => undefined });
}
