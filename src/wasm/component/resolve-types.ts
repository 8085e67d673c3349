import { WasmError } from '../errors.ts';
import type { Named, TypeDefinition, ValueTypeRef } from './ast.ts';
import type { Scope, Type } from './items.ts';
import type { Field, FuncType, ValueType } from './types.ts';

/** wasm-tools refuses types of more than a million nodes. Real types have some hundreds. */
const MAX_NODES = 50_000;
const MAX_DEPTH = 100;

/** Any type except primitives and the types of instances, components and resources. */
type Compound = Exclude<TypeDefinition, { kind: 'component' } | { kind: 'instance' } | { kind: 'resource' }>;
/** A value type whose size is not computed yet. */
type Unmeasured<T = ValueType> = T extends unknown ? Omit<T, 'nodes' | 'depth'> : never;

/** Resolves the indices in a type definition. @throws {WasmError} `WASM_MALFORMED`, `WASM_TOO_LARGE` */
export function resolveType(type: Compound, scope: Scope): ValueType | FuncType {
  const value = (reference: ValueTypeRef): ValueType => resolveValueType(reference, scope);
  const optional = (reference: ValueTypeRef | undefined): ValueType | undefined =>
    reference === undefined ? undefined : value(reference);
  const fields = (named: readonly Named<ValueTypeRef>[]): Field[] =>
    named.map(({ name, value: reference }) => ({ name, type: value(reference) }));
  switch (type.kind) {
    case 'primitive':
      return { kind: type.type, nodes: 1, depth: 1 };
    case 'func':
      return { kind: 'func', async: type.async, params: fields(type.params), result: optional(type.result) };
    case 'record': {
      const resolved = fields(type.fields);
      return measured({ kind: 'record', fields: resolved }, resolved.map(typeOf));
    }
    case 'variant': {
      const cases = type.cases.map(({ name, value: reference }) => ({ name, type: optional(reference) }));
      return measured({ kind: 'variant', cases }, cases.map(typeOf));
    }
    case 'tuple': {
      const elements = type.elements.map(value);
      return measured({ kind: 'tuple', elements }, elements);
    }
    case 'flags':
    case 'enum':
      return measured({ kind: type.kind, labels: type.labels }, []);
    case 'list': {
      const element = value(type.element);
      return measured({ kind: 'list', element, length: type.length }, [element]);
    }
    case 'map': {
      const [key, element] = [value(type.key), value(type.element)];
      return measured({ kind: 'map', key, element }, [key, element]);
    }
    case 'option': {
      const element = value(type.element);
      return measured({ kind: 'option', element }, [element]);
    }
    case 'result': {
      const [ok, error] = [optional(type.ok), optional(type.error)];
      return measured({ kind: 'result', ok, error }, [ok, error]);
    }
    case 'stream':
    case 'future': {
      const element = optional(type.element);
      return measured({ kind: type.kind, element }, [element]);
    }
    case 'own':
    case 'borrow': {
      const resource = scope.get('type', type.resource);
      if (resource.kind !== 'resource') throw mismatch(type.resource, resource, 'a resource');
      return { kind: type.kind, resource, nodes: 1, depth: 1 };
    }
  }
}

export function resolveValueType(reference: ValueTypeRef, scope: Scope): ValueType {
  if (typeof reference === 'string') return { kind: reference, nodes: 1, depth: 1 };
  const type = scope.get('type', reference);
  if (!isValueType(type)) throw mismatch(reference, type, 'a value type');
  return type;
}

export function resolveFuncType(index: number, scope: Scope): FuncType {
  const type = scope.get('type', index);
  if (type.kind !== 'func') throw mismatch(index, type, "a function's type");
  return type;
}

export function isValueType(type: Type): type is ValueType {
  return 'nodes' in type;
}

export function mismatch(index: number, type: Type, wanted: string): WasmError {
  return new WasmError('WASM_MALFORMED', `type ${index} is used as ${wanted} and is a ${type.kind}`);
}

/**
 * Computes the size of the tree below a type. The sizes are bounded, because sharing lets a small file describe a huge
 * tree.
 */
function measured(type: Unmeasured, parts: readonly (ValueType | undefined)[]): ValueType {
  let nodes = 1;
  let depth = 0;
  for (const part of parts) {
    nodes += part?.nodes ?? 1;
    depth = Math.max(depth, part?.depth ?? 0);
  }
  if ('labels' in type) nodes += type.labels.length;
  if (nodes > MAX_NODES || depth >= MAX_DEPTH) {
    throw new WasmError('WASM_TOO_LARGE', `a ${type.kind} has more than ${MAX_NODES} parts or ${MAX_DEPTH} levels`);
  }
  return { ...type, nodes, depth: depth + 1 };
}

function typeOf({ type }: { readonly type: ValueType | undefined }): ValueType | undefined {
  return type;
}
