import { VivariumError } from '#core/errors';
import type { ExportedWorld } from '#system/operations';
import { quoted } from '../../terminal/quoted.ts';

/** Says what to do with a component that is neither a command nor an actor, depending on its exports. */
export function notRunnable(
  component: string,
  { world, exports }: { readonly world: ExportedWorld | undefined } & Exports,
): VivariumError {
  return new VivariumError('RUNTIME_NO_EXPORT', `${component} ${whatItIs(component, world, exports)}`, {
    kind: 'not-found',
  });
}

interface Exports {
  readonly exports: readonly { readonly name: string; readonly kind: string }[];
}

/** A function that QuickJS's componentizer calls while it makes a component, and leaves among the exports. */
const LEFT_OVER = 'init';

function whatItIs(component: string, world: ExportedWorld | undefined, all: Exports['exports']): string {
  const exports = all.length > 1 ? all.filter(({ name }) => name !== LEFT_OVER) : all;
  if (world === 'wasi:http/proxy' || world === 'wasi:http/service') {
    const name = world === 'wasi:http/proxy' ? 'incoming-handler' : 'handler';
    return `handles HTTP requests (it exports wasi:http/${name}); serve it: viv serve ${quoted(component)}`;
  }
  const other = exports.find(({ name }) => name.startsWith('wasi:cli/run@'));
  if (other !== undefined)
    return `exports ${other.name}, and only wasi:cli/run@0.2.x and @0.3.x are run; build it for one of them`;
  const first = exports.find(({ kind }) => kind === 'func') ?? exports.find(({ kind }) => kind === 'instance');
  if (first === undefined) return 'exports nothing that could be run or called';
  const names = exports.slice(0, 8).map(({ name }) => name);
  const called = first.kind === 'func' ? first.name : `${first.name}#FUNCTION`;
  return (
    `is a library, neither a command (it would export wasi:cli/run) nor an actor (vivarium:actor/lifecycle). ` +
    `It exports ${names.join(', ')}${exports.length > names.length ? ', …' : ''}; call a function of it: viv call ${quoted(component)} '${called}' '[ARGUMENTS]'`
  );
}
