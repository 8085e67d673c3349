import type { Command } from 'commander';
import type { BundleRemote } from '#system/operations';
import { CliError } from '../errors.ts';

export interface RemoteFlags {
  readonly remote?: string;
  readonly scope?: string;
  readonly tokenFile?: string;
  readonly token?: string;
  readonly user?: string;
  readonly authHost?: readonly string[];
  readonly caFile?: string;
  readonly concurrency: string;
}

/** Adds the options for a registry that push, pull and verify share. */
export function addRemoteOptions(command: Command): Command {
  return command
    .option('--remote <url>', 'an OCI registry: https://host, https://host/prefix, or http://127.0.0.1:5000')
    .option('--scope <name>', 'where in the registry, chosen by whoever pushes: myrepo/abc123')
    .option('--token-file <file>', 'a file whose first line is the token')
    .option('--token <token>', 'the token itself (others can see it; better is a file, or VIVARIUM_CACHE_TOKEN)')
    .option('--user <name>', 'makes a password of the token, for registries with names and passwords')
    .option('--auth-host <host...>', 'token servers on other hosts that may have the token')
    .option('--ca-file <file>', 'certificate authorities (PEM) to trust beside the system’s')
    .option('--concurrency <number>', 'how many transfers run at a time', '8');
}

export function remoteOf(flags: RemoteFlags): BundleRemote | undefined {
  const { remote: url, scope, tokenFile, token, user, authHost, caFile } = flags;
  const concurrency = Number(flags.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 256) {
    throw new CliError('CLI_USAGE', `--concurrency ${flags.concurrency}: give a whole number from 1 to 256`);
  }
  if (url === undefined) {
    if (scope !== undefined)
      throw new CliError('CLI_USAGE', '--scope is a place in a registry; name one with --remote');
    return undefined;
  }
  if (scope === undefined) throw new CliError('CLI_USAGE', '--remote needs --scope, such as myrepo/abc123');
  return {
    url,
    scope,
    concurrency,
    ...(tokenFile !== undefined && { tokenFile }),
    ...(token !== undefined && { token }),
    ...(user !== undefined && { user }),
    ...(authHost !== undefined && { authHosts: authHost }),
    ...(caFile !== undefined && { caFile }),
  };
}
