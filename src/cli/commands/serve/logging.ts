import { formatComponentId } from '#core';
import { isVivariumError, messageOf } from '#core/errors';
import { printable } from '#core/text';
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

function event(shell: Shell, name: string, facts: Readonly<Record<string, unknown>>): void {
  shell.result({ event: name, time: new Date().toISOString(), ...facts }, '');
}
