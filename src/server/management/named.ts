import { type ComponentHandle, formatComponentId, parseComponentId } from '#core';
import type { InternalContext } from '../internal-routes.ts';
import { Refused } from './body.ts';
import type { Managed } from './managed.ts';

/** Finds the component that a path names. @throws {Refused} 404 */
export function handleOf({ runtime }: Pick<Managed, 'runtime'>, context: InternalContext): ComponentHandle {
  const handle = runtime.find(idOf(context));
  if (handle === undefined) throw new Refused(404, 'no component with this id is loaded');
  return handle;
}

/** @throws {Refused} 404, because no component can have an id that is none */
export function idOf({ params: { namespace = '', name = '', instance = '' } }: InternalContext): string {
  const text = `${namespace}/${name}/${instance}`;
  try {
    return formatComponentId(parseComponentId(text));
  } catch {
    throw new Refused(404, 'an id has three parts of lower-case letters, digits, dots, hyphens and underscores');
  }
}
