import { watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { type ComponentHandle, formatComponentId } from '#core';
import { messageOf } from '#core/errors';
import { printable } from '#core/text';
import { HttpServer, healthRoutes, InternalRoutes, parseRoute, type Route, Routes } from '#server';
import { createRuntime, type Runtime } from '#system';
import { CliError } from '../../errors.ts';
import { type AuthorityFlags, preopensOf, reportAuthority } from '../../options/authority.ts';
import type { EngineFlags } from '../../options/engine-options.ts';
import { environmentOf } from '../../options/environment.ts';
import { type LimitFlags, limitsOf } from '../../options/limit-options.ts';
import { runtimeOptionsOf } from '../../options/runtime-options.ts';
import type { Shell } from '../../shell.ts';
import { interrupted } from '../../terminal/interrupted.ts';
import { Settling } from '../../terminal/settling.ts';

export interface ServeFlags extends AuthorityFlags, EngineFlags, LimitFlags {
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

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Serves until the process is interrupted. */
export async function serve(shell: Shell, component: string | undefined, flags: ServeFlags): Promise<void> {
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
      internal: new InternalRoutes({ routes: healthRoutes(() => isReady(runtime, handles)) }),
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

/** Whether any component can answer. One that failed must not take the requests of its neighbours from this process. */
function isReady(runtime: Runtime, handles: ReadonlyMap<string, ComponentHandle>): boolean {
  return [...handles.values()].some((handle) => ['ready', 'handling', 'waiting'].includes(runtime.state(handle)));
}

/** Replaces a component whenever its file changes. A failure is printed, and the old version keeps running. */
function watchFiles(shell: Shell, runtime: Runtime, handles: ReadonlyMap<string, ComponentHandle>): Disposable {
  const replace = async (file: string, handle: ComponentHandle): Promise<void> => {
    try {
      await runtime.replace(handle, file);
      shell.result({ event: 'replaced', component: file }, `replaced ${printable(file)}`);
    } catch (error) {
      shell.line(`${file} stays as it is: ${messageOf(error)}`, '[failed] ');
    }
  };
  const settling = new Settling<ComponentHandle>((handle, file) => void replace(file, handle));
  // The folder is watched because programs often replace a file by another one, which a watch of the file itself would miss.
  const watchers = [...handles].map(([file, handle]) =>
    watch(dirname(resolve(file)), (_, name) => {
      if (name === basename(file)) settling.changed(handle, file);
    }),
  );
  return {
    [Symbol.dispose]() {
      for (const watcher of watchers) watcher.close();
      settling[Symbol.dispose]();
    },
  };
}

function report(shell: Shell, runtime: Runtime): void {
  reportAuthority(shell, runtime);
  runtime.on('log', ({ handle, channel, message }) =>
    shell.line(message, `${printable(formatComponentId(handle.id))}  [${channel}] `),
  );
}
