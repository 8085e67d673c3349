import type { CanonOptions, Component, CoreMemory, Definition, TypeDefinition } from './ast.ts';

/** A feature of the component format, or of core WebAssembly, that Vivarium does not support. */
export type UnsupportedFeature =
  | 'async functions'
  | 'component imports'
  | 'error contexts'
  | 'fixed-length lists'
  | 'futures'
  | 'gc options'
  | 'maps'
  | 'shared memories'
  | 'start functions'
  | 'streams'
  | 'threads'
  | 'values';

const TYPES: Readonly<Partial<Record<TypeDefinition['kind'], UnsupportedFeature>>> = {
  stream: 'streams',
  future: 'futures',
  map: 'maps',
};

/** Returns the unsupported features that a component or a nested one uses, sorted by name. */
export function unsupportedFeatures(component: Component): readonly UnsupportedFeature[] {
  const found = new Set<UnsupportedFeature>();
  visitComponent(component, found, true);
  return [...found].sort();
}

function visitComponent(component: Component, found: Set<UnsupportedFeature>, outermost: boolean): void {
  for (const definition of component.definitions) visit(definition, found, outermost);
}

function visit(definition: Definition, found: Set<UnsupportedFeature>, outermost: boolean): void {
  if (definition.kind === 'component') visitComponent(definition.component, found, false);
  else if (definition.kind === 'core module') {
    visitMemories(definition.module.memories, found);
    visitMemories(
      definition.module.imports.flatMap(({ memory }) => memory ?? []),
      found,
    );
  } else if (definition.kind === 'type') visitType(definition.type, found);
  else if (definition.kind === 'start') found.add('start functions');
  else if (definition.kind === 'import') {
    const { kind } = definition.description;
    if (kind === 'value') found.add('values');
    if (outermost && (kind === 'component' || kind === 'core module')) found.add('component imports');
  } else if (definition.kind === 'canon') {
    const { canon } = definition;
    if (canon.kind === 'builtin') found.add(featureOfBuiltin(canon.name));
    if (canon.kind === 'lift' || canon.kind === 'lower') visitOptions(canon.options, found);
  }
}

function visitType(type: TypeDefinition, found: Set<UnsupportedFeature>): void {
  const feature = TYPES[type.kind];
  if (feature !== undefined) found.add(feature);
  if (type.kind === 'func' && type.async) found.add('async functions');
  if (type.kind === 'list' && type.length !== undefined) found.add('fixed-length lists');
  if (type.kind === 'primitive' && type.type === 'error-context') found.add('error contexts');
  if (type.kind !== 'instance' && type.kind !== 'component') return;
  for (const declaration of type.declarations) {
    if (declaration.kind === 'type') visitType(declaration.type, found);
  }
}

function visitMemories(memories: readonly CoreMemory[], found: Set<UnsupportedFeature>): void {
  if (memories.some(({ shared }) => shared)) found.add('shared memories');
}

function visitOptions(options: CanonOptions, found: Set<UnsupportedFeature>): void {
  if (options.async || options.callback !== undefined) found.add('async functions');
  if (options.others.length > 0) found.add('gc options');
}

function featureOfBuiltin(name: string): UnsupportedFeature {
  if (name.startsWith('stream.')) return 'streams';
  if (name.startsWith('future.')) return 'futures';
  if (name.startsWith('error-context.')) return 'error contexts';
  // `context.get` is thread-local storage; wit-component adds it only to asynchronous components.
  return name.startsWith('thread.') && name !== 'thread.yield' ? 'threads' : 'async functions';
}
