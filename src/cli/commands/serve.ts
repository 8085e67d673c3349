import { Command } from 'commander';
import { parseDuration } from '#core/options';
import { addAuthorityOptions } from '../options/authority.ts';
import { collect } from '../options/collect.ts';
import { addEngineOptions } from '../options/engine-options.ts';
import { addLimitOptions, reading } from '../options/limit-options.ts';
import type { Shell } from '../shell.ts';
import type { Address, ServeFlags } from './serve/serve.ts';

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
    shell.action(async (component: string | undefined, flags: ServeFlags) => {
      const { serve } = await import('./serve/serve.ts');
      await serve(shell, component, flags);
    }),
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
