import { watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { type ComponentHandle, formatComponentId } from '#core';
import { messageOf } from '#core/errors';
import { parseDuration } from '#core/options';
import { printable } from '#core/text';
import { HttpServer, parseRoute, type Route, Routes } from '#server';
import { createRuntime, type Runtime } from '#system';
import { CliError } from '../errors.ts';
import { type AuthorityFlags, addAuthorityOptions, preopensOf, reportAuthority } from '../options/authority.ts';
import { collect } from '../options/collect.ts';
import { addEngineOptions, type EngineFlags } from '../options/engine-options.ts';
import { environmentOf } from '../options/environment.ts';
import { addLimitOptions, type LimitFlags, limitsOf, reading } from '../options/limit-options.ts';
import { runtimeOptionsOf } from '../options/runtime-options.ts';
import type { Shell } from '../shell.ts';
import { interrupted } from '../terminal/interrupted.ts';

/** Milliseconds without a further change before a reload, because files are written in several steps. */
const SETTLE_MS = 50;

interface ServeFlags extends AuthorityFlags, EngineFlags, LimitFlags {
  readonly addr: Address;
  readonly route: readonly string[];
  readonly env: readonly string[];
  readonly store: 'per-call' | 'per-actor';
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  readonly headerTimeout: number;
  readonly bodyTimeout: number;
  readonly drainTimeout: number;
  readonly expose?: true;
  readonly watch?: true;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

export function serveCommand(shell: Shell): Command {
  const command = new Command('serve')
    .description('answer HTTP requests with components that export wasi:http/incoming-handler')
    .argument('[component]', 'what answers every path that no --route names')
    .option('--addr <host:port>', 'where to listen', reading(parseAddress), { host: '127.0.0.1', port: 8080 })
    .option(
      '--route <path=component>',
      'what answers a path and all below it, as /shop=shop.wasm, or shop.example/=shop.wasm; may be given several times',
      collect,
      [],
    )
    .option('--env <name=value>', 'a variable of their environment; may be given several times', collect, [])
    .option('--watch', 'replace a component whose file changes; where the new one fails, the old one stays')
    .option('--store <policy>', 'per-call: a fresh instance for each request; per-actor: one for all', 'per-call')
    .option('--max-concurrent <requests>', 'requests that each component answers at a time', reading(parseCount), 32)
    .option(
      '--max-queued <requests>',
      'requests that wait for each component; one more gets 503',
      reading(parseCount),
      128,
    )
    .option('--header-timeout <time>', 'time in which the head of a request must come', reading(parseDuration), 10_000)
    .option('--body-timeout <time>', 'time in which a whole request must come', reading(parseDuration), 60_000)
    .option('--drain-timeout <time>', 'time for open requests after SIGTERM', reading(parseDuration), 10_000)
    .option('--expose', 'show clients the messages of errors, which may hold text of the components');
  return addEngineOptions(addAuthorityOptions(addLimitOptions(command))).action(
    shell.action((component: string | undefined, flags: ServeFlags) => serve(shell, component, flags)),
  );
}

async function serve(shell: Shell, component: string | undefined, flags: ServeFlags): Promise<void> {
  const routes = [
    ...(component === undefined ? [] : [{ host: undefined, path: '/', component }]),
    ...flags.route.map(parseRoute),
  ];
  if (routes.length === 0) throw new CliError('CLI_USAGE', 'nothing to serve; give a component or a --route');
  await using runtime = await createRuntime({
    limits: limitsOf(flags),
    ...runtimeOptionsOf(flags, flags.trust),
    // A component that computes must not delay requests to the others.
    scheduling: 'preemptive',
  });
  report(shell, runtime);
  const handles = await load(runtime, routes, flags);
  const targets = new Routes(
    routes.map((route) => ({ route, target: handles.get(route.component) as ComponentHandle })),
  );
  const server = new HttpServer(
    async (request, clientAddress) => {
      const target = targets.find(new URL(request.url));
      if (target === undefined) return new Response(null, { status: 404 });
      return runtime.fetch(target, request, { clientAddress });
    },
    {
      ...flags.addr,
      headersTimeoutMs: flags.headerTimeout,
      requestTimeoutMs: flags.bodyTimeout,
      expose: flags.expose,
      onError: (error, url) => shell.line(`${new URL(url).pathname}: ${messageOf(error)}`, '[failed] '),
    },
  );
  const interrupt = interrupted();
  const watching = flags.watch === true ? watchFiles(shell, runtime, handles) : undefined;
  try {
    const { url } = await server.listen();
    shell.result({ event: 'listening', url }, `listening on ${url}`);
    await interrupt.promise;
  } finally {
    interrupt.dispose();
    watching?.[Symbol.dispose]();
    await server.drain(flags.drainTimeout);
  }
}

/** Loads each component once, even if several routes name it. */
async function load(
  runtime: Runtime,
  routes: readonly Route[],
  flags: ServeFlags,
): Promise<ReadonlyMap<string, ComponentHandle>> {
  const { maxConcurrent, maxQueued, grant, store } = flags;
  if (store !== 'per-call' && store !== 'per-actor') {
    throw new CliError('CLI_USAGE', `--store ${store}: write per-call or per-actor`);
  }
  const options = {
    grants: grant,
    preopens: preopensOf(flags),
    env: environmentOf(flags),
    store,
    requests: { maxConcurrent, maxQueued },
  } as const;
  const handles = new Map<string, ComponentHandle>();
  for (const { component } of routes) {
    if (!handles.has(component)) handles.set(component, await runtime.load(component, options));
  }
  return handles;
}

/** Replaces a component whenever its file changes. A failure is printed, and the old version keeps running. */
function watchFiles(shell: Shell, runtime: Runtime, handles: ReadonlyMap<string, ComponentHandle>): Disposable {
  const timers = new Map<string, NodeJS.Timeout>();
  const replace = async (file: string, handle: ComponentHandle): Promise<void> => {
    try {
      await runtime.replace(handle, file);
      shell.result({ event: 'replaced', component: file }, `replaced ${printable(file)}`);
    } catch (error) {
      shell.line(`${file} stays as it is: ${messageOf(error)}`, '[failed] ');
    }
  };
  // The folder is watched because programs often replace a file by another one, which a watch of the file itself would miss.
  const watchers = [...handles].map(([file, handle]) =>
    watch(dirname(resolve(file)), (_, name) => {
      if (name !== basename(file)) return;
      clearTimeout(timers.get(file));
      timers.set(
        file,
        setTimeout(() => void replace(file, handle), SETTLE_MS),
      );
    }),
  );
  return {
    [Symbol.dispose]() {
      for (const watcher of watchers) watcher.close();
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}

function report(shell: Shell, runtime: Runtime): void {
  reportAuthority(shell, runtime);
  runtime.on('log', ({ handle, channel, message }) =>
    shell.line(message, `${printable(formatComponentId(handle.id))}  [${channel}] `),
  );
}

function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(colon, 0));
  const port = text.slice(colon + 1);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new Error('give HOST:PORT, as 127.0.0.1:8080');
  const isBracketed = host.startsWith('[') && host.endsWith(']');
  return { host: host === '' ? '127.0.0.1' : isBracketed ? host.slice(1, -1) : host, port: Number(port) };
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error('give a whole number');
  return Number(text);
}
