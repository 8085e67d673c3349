import type { CanonOptions, Component, CoreMemory, Definition, TypeDefinition } from './ast.ts';

/** A feature of the component format, or of core WebAssembly, that Vivarium does not support. */
export type UnsupportedFeature =
  | 'component imports'
  | 'error contexts'
  | 'fixed-length lists'
  | 'gc options'
  | 'maps'
  | 'outdated built-ins'
  | 'shared memories'
  | 'start functions'
  | 'threads'
  | 'values';

/** Built-ins that are read and not supported: those of threads that run in parallel, and those that the component model has given up. */
const UNSUPPORTED_BUILTINS: ReadonlyMap<string, UnsupportedFeature> = new Map([
  ['error-context.new', 'error contexts'],
  ['error-context.debug-message', 'error contexts'],
  ['error-context.drop', 'error contexts'],
  ['thread.spawn-ref', 'threads'],
  ['thread.spawn-indirect', 'threads'],
  ['thread.available-parallelism', 'threads'],
  ['resource.drop async', 'outdated built-ins'],
  ['backpressure.set', 'outdated built-ins'],
]);

const TYPES: Readonly<Partial<Record<TypeDefinition['kind'], UnsupportedFeature>>> = {
  map: 'maps',
};

/** Returns the unsupported features that a component or a nested one uses, sorted by name. */
export function unsupportedFeatures(component: Component): readonly UnsupportedFeature[] {
  const found = new Set<UnsupportedFeature>();
  visitComponent(component, found, true);
  return [...found].sort();
}

/**
 * What a component uses of the component model's asynchronous part, sorted: names of built-ins, and `async functions`, `futures` and `streams`
 * for types and options. Empty for a synchronous component.
 */
export function asynchronousParts(component: Component): readonly string[] {
  const found = new Set<string>();
  visitParts(component, found);
  return [...found].sort();
}

function visitParts({ definitions }: Component, found: Set<string>): void {
  for (const definition of definitions) {
    if (definition.kind === 'component') visitParts(definition.component, found);
    else if (definition.kind === 'type') visitTypeParts(definition.type, found);
    else if (definition.kind === 'canon') {
      const { canon } = definition;
      if (canon.kind === 'builtin') found.add(canon.name);
      else if ((canon.kind === 'lift' || canon.kind === 'lower') && canon.options.async) found.add('async functions');
    }
  }
}

function visitTypeParts(type: TypeDefinition, found: Set<string>): void {
  if (type.kind === 'stream' || type.kind === 'future') found.add(`${type.kind}s`);
  if (type.kind === 'func' && type.async) found.add('async functions');
  if (type.kind !== 'instance' && type.kind !== 'component') return;
  for (const declaration of type.declarations) {
    if (declaration.kind === 'type') visitTypeParts(declaration.type, found);
  }
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
    if (canon.kind === 'builtin') {
      const feature = UNSUPPORTED_BUILTINS.get(canon.name);
      if (feature !== undefined) found.add(feature);
    }
    if (canon.kind === 'lift' || canon.kind === 'lower') visitOptions(canon.options, found);
  }
}

function visitType(type: TypeDefinition, found: Set<UnsupportedFeature>): void {
  const feature = TYPES[type.kind];
  if (feature !== undefined) found.add(feature);
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
  if (options.others.length > 0) found.add('gc options');
}
