import type { CurrentStore, HostLinker, HostState } from '#runtime/host';
import { RuntimeError } from '../errors.ts';
import { NO_BYTES, sinkOf, sourceOf } from './byte-streams.ts';
import type { Io } from './io.ts';
import { LogSink } from './log-sink.ts';

/**
 * Defines `wasi:cli`: the environment, arguments and standard streams that `load` gave, and an exit that ends the store. If `load` gave
 * no streams, standard input is empty and standard output and error go to the log.
 */
export function defineCli(linker: HostLinker, current: CurrentStore, { InputStream, OutputStream, failed }: Io): void {
  class TerminalInput {}
  class TerminalOutput {}

  const exit = (status: number): never =>
    current.state.stop(
      new RuntimeError('RUNTIME_EXITED', `the component called exit with ${status}`, { details: { status } }),
    );

  /** A store has one sink per channel, because a guest may ask for the stream at every line and drop none. */
  const printing = (channel: 'stdout' | 'stderr') => {
    const sinks = new WeakMap<HostState, LogSink>();
    return (): object => {
      const { state } = current;
      const output = state.context.stdio[channel];
      if (output !== undefined) return new OutputStream(sinkOf(output, () => failed('io', `${channel} failed`)));
      const sink = sinks.get(state) ?? new LogSink(state, channel);
      sinks.set(state, sink);
      return new OutputStream(sink);
    };
  };

  linker.define('wasi:cli/environment@0.2.0', {
    getEnvironment: () => current.state.context.environment().map((pair) => [...pair]),
    getArguments: () => [...current.state.context.args],
    initialCwd: () => undefined,
  });
  linker.define('wasi:cli/exit@0.2.0', {
    exit: (status: { tag: 'ok' | 'err' }) => exit(status.tag === 'ok' ? 0 : 1),
    exitWithCode: (code: number) => exit(code),
  });
  linker.define('wasi:cli/stdin@0.2.0', {
    getStdin: () => {
      const { stdin } = current.state.context.stdio;
      return new InputStream(stdin === undefined ? NO_BYTES : sourceOf(stdin, () => failed('io', 'stdin failed')));
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
