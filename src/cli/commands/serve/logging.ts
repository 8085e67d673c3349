import { formatComponentId } from '#core';
import { isVivariumError, messageOf } from '#core/errors';
import { printable } from '#core/text';
import type { HttpServerOptions } from '#server';
import type { Runtime } from '#system';
import type { Shell } from '../../shell.ts';

/** States that somebody who runs a server wants to hear of; the others come with every start. */
const TOLD = new Set(['failed', 'restarting', 'stopped']);

/** Prints what components log or print, and their changes of state: as JSON lines with `--json`, otherwise as text. */
export function logComponents(shell: Shell, runtime: Runtime): void {
  runtime.on('log', ({ handle, channel, message, context, trace }) => {
    const component = formatComponentId(handle.id);
    if (shell.json) event(shell, 'log', { component, channel, message, context: Object.fromEntries(context), trace });
    else shell.line(message, `${printable(component)}  [${channel}] `);
  });
  runtime.on('state', ({ handle, from, to, reason }) => {
    if (shell.json && TOLD.has(to))
      event(shell, 'state', { component: formatComponentId(handle.id), from, to, reason });
  });
}

/** Prints what failed. Text of clients and components has its control characters escaped. */
export function logFailure(
  shell: Shell,
  name: string,
  facts: Readonly<Record<string, unknown>>,
  error: unknown,
  what: string,
): void {
  const code = isVivariumError(error) ? error.code : undefined;
  if (shell.json) event(shell, name, { ...facts, code, message: messageOf(error) });
  else shell.line(`${what}: ${messageOf(error)}`, '[failed] ');
}

/** Prints how many requests were refused because their component had all that it may have. */
export function logRefused(shell: Shell): NonNullable<HttpServerOptions['onRefused']> {
  return ({ component, requests }) => {
    if (shell.json) event(shell, 'refused', { component, requests });
    else shell.line(`${component}: ${requests} requests more than it may have at a time`, '[refused] ');
  };
}

function event(shell: Shell, name: string, facts: Readonly<Record<string, unknown>>): void {
  shell.result({ event: name, time: new Date().toISOString(), ...facts }, '');
}
