import type { Builtin, Canon } from './ast.ts';
import type { BuiltinItem, CoreItem, Scope } from './items.ts';
import { linkOptions } from './references.ts';
import { mismatch, resolveFuncType, resolveValueType } from './resolve-types.ts';

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
  if (canon.kind === 'builtin') return builtin(scope, canon, instance);
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

function builtin(scope: Scope, canon: Builtin, instance: number): BuiltinItem {
  const { kind, name, flag, slot, wide } = canon;
  const memory = canon.memory === undefined ? undefined : scope.get('core memory', canon.memory);
  const table = canon.table === undefined ? undefined : scope.get('core table', canon.table);
  const result = canon.result === undefined ? undefined : resolveValueType(canon.result, scope);
  const options = canon.options === undefined ? undefined : linkOptions(canon.options, scope);
  return { kind, name, flag, slot, wide, instance, memory, table, result, options, type: payload(scope, canon.type) };
}

function payload(scope: Scope, index: number | undefined): BuiltinItem['type'] {
  if (index === undefined) return undefined;
  const type = scope.get('type', index);
  if (type.kind === 'stream' || type.kind === 'future') return type;
  throw mismatch(index, type, 'a stream or a future');
}
