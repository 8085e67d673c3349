import type { Canon } from './ast.ts';
import type { CoreItem, Scope } from './items.ts';
import { linkOptions } from './references.ts';
import { mismatch, resolveFuncType } from './resolve-types.ts';

/** Adds the function that a canonical definition defines. */
export function addCanon(scope: Scope, canon: Canon, instance: number): void {
  if (canon.kind === 'lift') {
    const type = resolveFuncType(canon.type, scope);
    const coreFunc = scope.get('core func', canon.coreFunc);
    const options = linkOptions(canon.options, scope);
    scope.add('func', { sort: 'func', type, definition: { kind: 'lift', coreFunc, options, instance } });
    return;
  }
  scope.add('core func', coreFunc(scope, canon, instance));
}

function coreFunc(scope: Scope, canon: Exclude<Canon, { kind: 'lift' }>, instance: number): CoreItem {
  if (canon.kind === 'builtin') return canon;
  if (canon.kind === 'lower') {
    return {
      kind: 'lower',
      func: scope.get('func', canon.func),
      options: linkOptions(canon.options, scope),
      instance,
    };
  }
  const resource = scope.get('type', canon.resource);
  if (resource.kind !== 'resource') throw mismatch(canon.resource, resource, 'a resource');
  return { kind: canon.kind, resource, instance };
}
