import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Deployment, readConfig, type ServeConfig } from '#server';
import { createRuntime, openTracer } from '#system';
import { CliError } from '../../errors.ts';
import { reportAuthority } from '../../options/authority.ts';
import { limitsOf } from '../../options/limit-options.ts';
import { lazyRegistry } from '../../options/registry-source.ts';
import { runtimeOptionsOf } from '../../options/runtime-options.ts';
import type { Shell } from '../../shell.ts';
import { interrupted } from '../../terminal/interrupted.ts';
import { configOf, type ServeFlags } from './config-of-flags.ts';
import { HangUps } from './hang-ups.ts';
import { logComponents, logFailure, logRefused } from './logging.ts';
import { Projects } from './projects.ts';
import { reloading, watchSources } from './reloading.ts';
import { Servers } from './servers.ts';

const DEFAULT_CONFIG = 'vivarium.toml';
/** Options that belong to components, which a configuration file describes itself. */
const OF_COMPONENTS = [
  'route',
  'next',
  'env',
  'store',
  'grant',
  'dir',
  'fuel',
  'memory',
  'timeout',
  'concurrency',
  'maxConcurrent',
  'maxQueued',
];

/** Serves until the process is interrupted. */
export async function serve(
  shell: Shell,
  component: string | undefined,
  flags: ServeFlags,
  command: Command,
): Promise<void> {
  shell.outlastFullDisk();
  const file = configFileOf(component, flags);
  if (file === undefined) return run(shell, configOf(component, flags), flags, undefined);
  refuseComponentOptions(command);
  const config = await readConfig(file);
  await run(shell, withFlags(config, command), flags, { file, config });
}

/** The configuration file to use; undefined if the command line names the components. */
function configFileOf(component: string | undefined, { route }: ServeFlags): string | undefined {
  if (component?.endsWith('.toml') === true) return resolve(component);
  if (component !== undefined || route.length > 0) return undefined;
  if (existsSync(DEFAULT_CONFIG)) return resolve(DEFAULT_CONFIG);
  throw new CliError('CLI_USAGE', `nothing to serve; give a component or a --route, or write a ${DEFAULT_CONFIG}`);
}

/** @throws {CliError} `CLI_USAGE`, because whoever reads the file would not see such an option */
function refuseComponentOptions(command: Command): void {
  const wrong = OF_COMPONENTS.find((name) => command.getOptionValueSource(name) === 'cli');
  if (wrong === undefined) return;
  const flag = `--${wrong.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new CliError('CLI_USAGE', `${flag} and a configuration file: write it into the file, at its component`);
}

/** An option of the command line takes the place of the file's, unless it has its default. */
function withFlags(config: ServeConfig, command: Command): ServeConfig {
  const flags: ServeFlags = command.opts();
  const given = <T>(name: keyof ServeFlags, value: T): T | undefined =>
    command.getOptionValueSource(name) === 'cli' ? value : undefined;
  const { server } = config;
  const address = given('addr', flags.addr);
  return {
    ...config,
    server: {
      ...server,
      host: address?.host ?? server.host,
      port: address?.port ?? server.port,
      headersTimeoutMs: given('headerTimeout', flags.headerTimeout) ?? server.headersTimeoutMs,
      requestTimeoutMs: given('bodyTimeout', flags.bodyTimeout) ?? server.requestTimeoutMs,
      drainDelayMs: given('drainDelay', flags.drainDelay) ?? server.drainDelayMs,
      drainTimeoutMs: given('drainTimeout', flags.drainTimeout) ?? server.drainTimeoutMs,
      expose: given('expose', flags.expose) ?? server.expose,
    },
  };
}

/** A configuration file describes its components, so no option permits anything. */
const inConfig = (grant: string): string => `grants = [${JSON.stringify(grant)}] at its component in the configuration`;

/** A configuration file, and what it said at the start. */
interface Source {
  readonly file: string;
  readonly config: ServeConfig;
}

async function run(shell: Shell, config: ServeConfig, flags: ServeFlags, source: Source | undefined): Promise<void> {
  const hangUps = new HangUps(shell);
  const tracer = await openTracer();
  await using registry = lazyRegistry(flags);
  await using runtime = await createRuntime({
    limits: limitsOf(flags),
    ...runtimeOptionsOf(flags, flags.trust),
    // A component that computes must not delay requests to the others.
    scheduling: 'preemptive',
    overrides: { registry: registry.client, ...(tracer === undefined ? {} : { tracer }) },
  });
  reportAuthority(shell, runtime, source === undefined ? undefined : inConfig);
  logComponents(shell, runtime);
  const deployment = new Deployment(runtime, {
    onRefused: logRefused(shell),
    onError: (error, refused) => logFailure(shell, 'failed', { component: refused }, error, refused),
  });
  const projects = new Projects(shell, flags.watch === true);
  const apply: Deployment['apply'] = (next) => projects.apply(next, (built) => deployment.apply(built));
  await apply(config);
  const servers = new Servers(shell, runtime, deployment, config, tracer);
  const interrupt = interrupted();
  using watching = flags.watch === true ? watchSources(shell, deployment, projects, config) : undefined;
  const applied = (next: ServeConfig): void => {
    servers.renew(next);
    watching?.follow(next);
  };
  // Without a file there is nothing to read again: the terminal is closed, which asks the server to end.
  const hungUp = Promise.withResolvers<void>();
  const reload =
    source &&
    reloading(shell, source.file, { started: source.config, check: (next) => servers.check(next), apply, applied });
  hangUps.actWith(reload ?? hungUp.resolve);
  try {
    const { url, management } = await servers.listen();
    const also = management === undefined ? '' : `, and for management on ${management}`;
    shell.result({ event: 'listening', url, management }, `listening on ${url}${also}`);
    await Promise.race([interrupt.promise, hungUp.promise]);
  } finally {
    interrupt.dispose();
    hangUps.end();
    projects.stop();
    await servers.drain();
  }
}
