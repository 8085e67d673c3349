import { Command } from 'commander';
import { parseAddress, parseDuration } from '#core/options';
import { addAuthorityOptions } from '../options/authority.ts';
import { collect } from '../options/collect.ts';
import { addEngineOptions } from '../options/engine-options.ts';
import { addLimitOptions, reading } from '../options/limit-options.ts';
import { addRegistryOptions } from '../options/registry-source.ts';
import type { Shell } from '../shell.ts';
import type { ServeFlags } from './serve/config-of-flags.ts';

export function serveCommand(shell: Shell): Command {
  const command = new Command('serve')
    .description('answer HTTP requests with components that export wasi:http/incoming-handler')
    .argument(
      '[component]',
      'what answers every path that no --route names, or a configuration that ends with .toml; vivarium.toml by default',
    )
    .option('--addr <host:port>', 'where to listen', reading(parseAddress), { host: '127.0.0.1', port: 8080 })
    .option(
      '--route <path=component>',
      'what answers a path and all below it, as /shop=shop.wasm, or shop.example/=shop.wasm; may be given several times',
      collect,
      [],
    )
    .option(
      '--next <component=component>',
      'the component to which a middleware passes requests on, as auth.wasm=shop.wasm; may be given several times',
      collect,
      [],
    )
    .option('--env <name=value>', 'a variable of their environment; may be given several times', collect, [])
    .option(
      '--watch',
      'replace a component whose file changes, and build folders of TypeScript projects; where the new one fails, the old one stays',
    )
    .option(
      '--store <policy>',
      'per-call: a fresh instance for each request, the default; per-actor: one for all, the default with --concurrency',
    )
    .option(
      '--concurrency <requests>',
      'requests that one instance answers side by side, of components with asynchronous parts',
      reading(parseCount),
      1,
    )
    .option(
      '--max-concurrent <requests>',
      'requests that each component answers at a time; 32, or --concurrency where that is more, by default',
      reading(parseCount),
    )
    .option(
      '--max-queued <requests>',
      'requests that wait for each component; one more gets 503',
      reading(parseCount),
      128,
    )
    .option('--header-timeout <time>', 'time in which the head of a request must come', reading(parsePeriod), 10_000)
    .option(
      '--body-timeout <time>',
      'time in each of which a body must end, or bring 500 bytes for each second',
      reading(parsePeriod),
      60_000,
    )
    .option(
      '--drain-delay <time>',
      'time after SIGTERM in which it serves as before and only says that it is not ready, for a balancer to notice',
      reading(parseDuration),
      0,
    )
    .option('--drain-timeout <time>', 'time for open requests after SIGTERM', reading(parseDuration), 10_000)
    .option('--expose', 'show clients the messages of errors, which may hold text of the components');
  return addEngineOptions(addRegistryOptions(addAuthorityOptions(addLimitOptions(command)))).action(
    shell.action(async (component: string | undefined, flags: ServeFlags, self: Command) => {
      const { serve } = await import('./serve/serve.ts');
      await serve(shell, component, flags, self);
    }),
  );
}

/** A time above zero. Node takes none at all for no bound. */
function parsePeriod(text: string): number {
  const ms = parseDuration(text);
  if (ms === 0) throw new Error('give a time above 0');
  return ms;
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error('give a whole number');
  return Number(text);
}
