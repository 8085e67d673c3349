import type { CurrentStore, HostLinker, HostState } from '#runtime/host';
import { RuntimeError } from '../errors.ts';
import { NO_BYTES } from './byte-streams.ts';
import type { Io } from './io.ts';
import { LogSink } from './log-sink.ts';

/** `wasi:cli`: what `load` gave as environment and arguments, output into the log, and an exit that ends the store. */
export function defineCli(linker: HostLinker, current: CurrentStore, { InputStream, OutputStream }: Io): void {
  class TerminalInput {}
  class TerminalOutput {}

  const exit = (status: number): never =>
    current.state.stop(
      new RuntimeError('RUNTIME_EXITED', `the component called exit with ${status}`, { details: { status } }),
    );

  /** Who asks for it at every line, and drops none, must not be given a buffer each time. */
  const printing = (channel: 'stdout' | 'stderr') => {
    const sinks = new WeakMap<HostState, LogSink>();
    return (): object => {
      const sink = sinks.get(current.state) ?? new LogSink(current, channel);
      sinks.set(current.state, sink);
      return new OutputStream(sink);
    };
  };

  linker.define('wasi:cli/environment@0.2.0', {
    getEnvironment: () => current.state.environment().map((pair) => [...pair]),
    getArguments: () => [...current.state.args],
    initialCwd: () => undefined,
  });
  linker.define('wasi:cli/exit@0.2.0', {
    exit: (status: { tag: 'ok' | 'err' }) => exit(status.tag === 'ok' ? 0 : 1),
    exitWithCode: (code: number) => exit(code),
  });
  linker.define('wasi:cli/stdin@0.2.0', { getStdin: () => new InputStream(NO_BYTES) });
  linker.define('wasi:cli/stdout@0.2.0', { getStdout: printing('stdout') });
  linker.define('wasi:cli/stderr@0.2.0', { getStderr: printing('stderr') });
  linker.define('wasi:cli/terminal-input@0.2.0', { TerminalInput });
  linker.define('wasi:cli/terminal-output@0.2.0', { TerminalOutput });
  linker.define('wasi:cli/terminal-stdin@0.2.0', { getTerminalStdin: () => undefined });
  linker.define('wasi:cli/terminal-stdout@0.2.0', { getTerminalStdout: () => undefined });
  linker.define('wasi:cli/terminal-stderr@0.2.0', { getTerminalStderr: () => undefined });
}
