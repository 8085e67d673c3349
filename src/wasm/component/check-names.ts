import { WasmError } from '../errors.ts';
import type { Component, CoreImport, CoreModule, CoreType, Declaration, Definition, TypeDefinition } from './ast.ts';
import { type Direction, refuseCoreName, refuseExternName, refuseLabel } from './name-rules.ts';

/** The place of a name, for messages: the path from the outermost component, and an offset in the file. */
interface Place {
  readonly path: string;
  readonly offset: number;
  /** Whether the name is in a component that another one instantiates. */
  readonly inside: boolean;
}

/**
 * Refuses a component with a name that is not safe in generated JavaScript. It checks the names of all nested
 * components, core modules and types, even unused ones, because the generator decides what it prints and prints core
 * names between quotes without escaping them.
 *
 * @throws {WasmError} `WASM_HOSTILE_NAME`
 */
export function checkNames(component: Component): void {
  checkComponent(component, 'the component', false);
}

function checkComponent(component: Component, path: string, inside: boolean): void {
  let modules = 0;
  let components = 0;
  for (const definition of component.definitions) {
    const { offset } = definition;
    if (definition.kind === 'core module') {
      checkCoreModule(definition.module, { path: `core module ${modules++} of ${path}`, offset, inside });
    } else if (definition.kind === 'component') {
      checkComponent(definition.component, `component ${components++} inside ${path}`, true);
    } else checkDefinition(definition, { path, offset, inside });
  }
}

function checkDefinition(definition: Definition, place: Place): void {
  switch (definition.kind) {
    case 'core instance': {
      const { expression } = definition;
      const named = expression.kind === 'instantiate' ? expression.args : expression.exports;
      const what = expression.kind === 'instantiate' ? 'argument of a core instance' : 'export of a core instance';
      for (const { name } of named) refuse(refuseCoreName(name), name, what, place);
      return;
    }
    case 'instance': {
      const { expression } = definition;
      if (expression.kind === 'instantiate') {
        for (const { name, value } of expression.args)
          checkExtern(name, 'export', 'argument of an instance', place, value.sort);
      } else {
        for (const { name, value } of expression.exports)
          checkExtern(name, value.sort === 'func' ? 'member' : 'export', 'export of an instance', place, value.sort);
      }
      return;
    }
    case 'core type':
      checkCoreType(definition.type, place);
      return;
    case 'type':
      checkType(definition.type, place);
      return;
    case 'alias': {
      const { alias } = definition;
      if (alias.kind === 'core export') refuse(refuseCoreName(alias.name), alias.name, 'core export alias', place);
      else if (alias.kind === 'export') {
        checkExtern(alias.name, alias.sort === 'func' ? 'member' : 'export', 'export alias', place, alias.sort);
      }
      return;
    }
    case 'import':
      checkExtern(definition.name, 'import', 'import', place, definition.description.kind);
      return;
    case 'export':
      checkExtern(definition.name, place.inside ? 'member' : 'export', 'export', place, definition.target.sort);
      return;
    case 'canon':
    case 'start':
    case 'core module':
    case 'component':
      return;
  }
}

function checkCoreModule(module: CoreModule, place: Place): void {
  for (const imported of module.imports) checkCoreImport(imported, place);
  for (const { name } of module.exports) refuse(refuseCoreName(name), name, 'core export', place);
}

function checkCoreImport({ module, field }: CoreImport, place: Place): void {
  refuse(refuseCoreName(module), module, 'module name of a core import', place);
  refuse(refuseCoreName(field), field, 'field name of a core import', place);
}

function checkCoreType(type: CoreType, place: Place): void {
  if (type.kind !== 'module') return;
  for (const imported of type.imports) checkCoreImport(imported, place);
  for (const name of type.exports) refuse(refuseCoreName(name), name, 'export of a core module type', place);
}

function checkType(type: TypeDefinition, place: Place): void {
  const labels = (names: readonly string[], what: string): void => {
    for (const name of names) refuse(refuseLabel(name), name, what, place);
  };
  const namesOf = (items: readonly { readonly name: string }[]): string[] => items.map(({ name }) => name);
  if (type.kind === 'record') labels(namesOf(type.fields), 'record field');
  else if (type.kind === 'variant') labels(namesOf(type.cases), 'variant case');
  else if (type.kind === 'flags') labels(type.labels, 'flag');
  else if (type.kind === 'enum') labels(type.labels, 'enum case');
  else if (type.kind === 'func') labels(namesOf(type.params), 'parameter');
  else if (type.kind === 'component' || type.kind === 'instance') {
    for (const declaration of type.declarations) checkDeclaration(declaration, place);
  }
}

/**
 * Checks the names in an instance type as those of imports, because instance types mostly describe what the host gives.
 */
function checkDeclaration(declaration: Declaration, place: Place): void {
  if (declaration.kind === 'core type') checkCoreType(declaration.type, place);
  else if (declaration.kind === 'type') checkType(declaration.type, place);
  else if (declaration.kind === 'alias') {
    if (declaration.alias.kind === 'export') {
      const { name, sort } = declaration.alias;
      checkExtern(name, 'export', 'export alias', place, sort);
    }
  } else checkExtern(declaration.name, 'import', `${declaration.kind} in a type`, place, declaration.description.kind);
}

function checkExtern(name: string, direction: Direction, what: string, place: Place, sort?: string): void {
  refuse(refuseExternName(name, direction, sort), name, what, place);
}

function refuse(reason: string | undefined, name: string, what: string, place: Place): void {
  if (reason === undefined) return;
  const shown = printable(name);
  throw new WasmError(
    'WASM_HOSTILE_NAME',
    `the ${what} "${shown}" of ${place.path}, at offset ${place.offset}, ${reason}; rename it and build again`,
    { details: { name: shown, what, offset: place.offset } },
  );
}

/**
 * Returns a name that is safe in a message or a log: ASCII, without quotes or control characters, at most a line long.
 */
function printable(name: string): string {
  const escaped = Array.from(name.slice(0, 120), (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x20 || code > 0x7e || char === '"' || char === '\\' ? `\\u{${code.toString(16)}}` : char;
  }).join('');
  return name.length > 120 ? `${escaped}…` : escaped;
}
