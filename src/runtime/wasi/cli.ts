import type { HostLinker, HostState } from '#runtime/host';
import { RuntimeError } from '../errors.ts';
import { NO_BYTES, sinkOf, sourceOf } from './byte-streams.ts';
import { failed, InputStream, OutputStream } from './io.ts';
import { LogSink } from './log-sink.ts';

/**
 * Defines `wasi:cli`: the environment, arguments and standard streams that `load` gave, and an exit that ends the store. If `load` gave
 * no streams, standard input is empty and standard output and error go to the log.
 */
export function defineCli(linker: HostLinker): void {
  class TerminalInput {}
  class TerminalOutput {}

  const exit = (caller: HostState, status: number): never =>
    caller.stop(
      new RuntimeError('RUNTIME_EXITED', `the component called exit with ${status}`, { details: { status } }),
    );

  /** A store has one sink per channel, because a guest may ask for the stream at every line and drop none. */
  const printing = (channel: 'stdout' | 'stderr') => {
    const sinks = new WeakMap<HostState, LogSink>();
    return (caller: HostState): object => {
      const output = caller.context.stdio[channel];
      if (output !== undefined) {
        return new OutputStream(
          caller,
          sinkOf(output, () => failed(caller, 'io', `${channel} failed`)),
        );
      }
      const sink = sinks.get(caller) ?? new LogSink(caller, channel);
      sinks.set(caller, sink);
      return new OutputStream(caller, sink);
    };
  };

  linker.define('wasi:cli/environment@0.2.0', {
    getEnvironment: (caller: HostState) => caller.context.environment().map((pair) => [...pair]),
    getArguments: (caller: HostState) => [...caller.context.args],
    initialCwd: () => undefined,
  });
  linker.define('wasi:cli/exit@0.2.0', {
    exit: (caller: HostState, status: { tag: 'ok' | 'err' }) => exit(caller, status.tag === 'ok' ? 0 : 1),
    exitWithCode: (caller: HostState, code: number) => exit(caller, code),
  });
  linker.define('wasi:cli/stdin@0.2.0', {
    getStdin: (caller: HostState) => {
      const { stdin } = caller.context.stdio;
      const source = stdin === undefined ? NO_BYTES : sourceOf(stdin, () => failed(caller, 'io', 'stdin failed'));
      return new InputStream(caller, source);
    },
  });
  linker.define('wasi:cli/stdout@0.2.0', { getStdout: printing('stdout') });
  linker.define('wasi:cli/stderr@0.2.0', { getStderr: printing('stderr') });
  linker.define('wasi:cli/terminal-input@0.2.0', { TerminalInput });
  linker.define('wasi:cli/terminal-output@0.2.0', { TerminalOutput });
  linker.define('wasi:cli/terminal-stdin@0.2.0', { getTerminalStdin: () => undefined });
  linker.define('wasi:cli/terminal-stdout@0.2.0', { getTerminalStdout: () => undefined });
  linker.define('wasi:cli/terminal-stderr@0.2.0', { getTerminalStderr: () => undefined });
}
