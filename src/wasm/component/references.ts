import { WasmError } from '../errors.ts';
import type { Alias, CanonOptions, CoreReference, CoreSort, ExternDescription, Reference } from './ast.ts';
import type { CoreInstanceItem, CoreItem, Item, LinkedOptions, Scope } from './items.ts';

export function linkOptions(options: CanonOptions, scope: Scope): LinkedOptions {
  const func = (index: number | undefined): CoreItem | undefined =>
    index === undefined ? undefined : scope.get('core func', index);
  return {
    encoding: options.encoding,
    async: options.async,
    others: options.others,
    memory: options.memory === undefined ? undefined : scope.get('core memory', options.memory),
    realloc: func(options.realloc),
    postReturn: func(options.postReturn),
    callback: func(options.callback),
  };
}

export function coreItem(scope: Scope, { sort, index }: CoreReference): CoreItem {
  if (sort === 'module' || sort === 'instance') throw noExport(sort);
  return scope.get(`core ${sort}`, index);
}

export function coreExport(instance: CoreInstanceItem, name: string, sort: CoreSort): CoreItem {
  if (instance.kind === 'instantiated') return { kind: 'core export', instance: instance.step, name, sort };
  const found = instance.exports.get(name);
  if (found === undefined) throw noExport(sort);
  return found;
}

export function item(scope: Scope, { sort, index }: Reference): Item {
  switch (sort) {
    case 'func':
    case 'instance':
    case 'component':
    case 'value':
      return scope.get(sort, index);
    case 'type':
      return { sort, type: scope.get('type', index) };
    case 'core module':
      return { sort, module: scope.get('core module', index) };
    default:
      throw new WasmError('WASM_UNSUPPORTED', `a ${sort} crosses a component's border`);
  }
}

/** Adds an import or declaration as the next item of its sort. */
export function addItem(scope: Scope, description: ExternDescription, found: Item): void {
  if (found.sort !== description.kind) throw noExport(description.kind);
  addReexport(scope, { sort: found.sort, index: 0 }, found);
}

/** Adds an export as the next item of its sort. */
export function addReexport(scope: Scope, { sort }: Reference, found: Item): void {
  if (found.sort === 'type') scope.add('type', found.type);
  else if (found.sort === 'func') scope.add('func', found);
  else if (found.sort === 'instance') scope.add('instance', found);
  else if (found.sort === 'core module') scope.add('core module', found.module);
  else if (found.sort === 'component') scope.add('component', found);
  else if (found.sort === sort) scope.add('value', found);
}

/** Adds an alias as the next item of the sort that it names. */
export function addAlias(scope: Scope, alias: Alias): void {
  if (alias.kind === 'outer') {
    const outer = scope.outer(alias.count);
    scope.add(alias.sort, outer.get(alias.sort, alias.index));
  } else if (alias.kind === 'core export') {
    scope.add(`core ${alias.sort}`, coreExport(scope.get('core instance', alias.instance), alias.name, alias.sort));
  } else {
    const found = scope.get('instance', alias.instance).exports.get(alias.name);
    if (found === undefined || found.sort !== alias.sort) throw noExport(alias.sort);
    addReexport(scope, { sort: alias.sort, index: 0 }, found);
  }
}

export function noExport(sort: string): WasmError {
  return new WasmError('WASM_MALFORMED', `a ${sort} is named where none of that name or sort exists`);
}
