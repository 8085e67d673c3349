import type { GuestStream, HostLinker, HostState } from '#runtime/host';
import { defineTerminals, exit, getArguments, getEnvironment, inputOf, outputOf } from '../cli.ts';
import { incoming, keeping, outgoing } from './streams.ts';

/** Defines `wasi:cli` 0.3. */
export function defineCli3(linker: HostLinker): void {
  const printing = (channel: 'stdout' | 'stderr') => ({
    writeViaStream: (caller: HostState, data: GuestStream) =>
      incoming(caller, data, keeping(outputOf(caller, channel, () => 'io', 'pipe'))),
  });

  linker.define('wasi:cli/types@0.3.0', {});
  linker.define('wasi:cli/environment@0.3.0', { getEnvironment, getArguments, getInitialCwd: () => undefined });
  linker.define('wasi:cli/exit@0.3.0', {
    exit: (caller: HostState, status: { tag: 'ok' | 'err' }) => exit(caller, status.tag === 'ok' ? 0 : 1),
    exitWithCode: exit,
  });
  linker.define('wasi:cli/stdin@0.3.0', {
    readViaStream: (caller: HostState) =>
      outgoing(
        caller,
        inputOf(caller, () => 'io'),
      ),
  });
  linker.define('wasi:cli/stdout@0.3.0', printing('stdout'));
  linker.define('wasi:cli/stderr@0.3.0', printing('stderr'));
  defineTerminals(linker, '0.3.0');
}
