import { install, isOfWeb } from './install.ts';

type Seen = Map<object, unknown>;
type Entry = readonly [key: unknown, value: unknown];

const ERRORS = new Map<string, ErrorConstructor>(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((each) => [each.name, each]),
);

/** The algorithm of HTML (section 2.7), for those types of values that exist in a guest. */
function structuredClone<T>(value: T, { transfer = [] }: { transfer?: readonly ArrayBuffer[] } = {}): T {
  const seen: Seen = new Map();
  for (const buffer of transfer) seen.set(buffer, buffer.transfer());
  return cloneOf(value, seen) as T;
}

function cloneOf(value: unknown, seen: Seen): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw uncloneable(value);
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const { clone, fill } = begun(value, seen);
  seen.set(value, clone);
  fill?.();
  return clone;
}

/** Returns an empty clone and the function that fills it. The clone comes first, because its parts may refer to it. */
function begun(value: object, seen: Seen): { clone: object; fill?: () => void } {
  if (Array.isArray(value)) {
    const clone: unknown[] = new Array(value.length);
    return { clone, fill: () => copyFields(value, clone, seen) };
  }
  if (value instanceof Map) {
    const [clone, entries] = [new Map(), [...value] as Entry[]];
    const fill = (): void => {
      for (const [key, item] of entries) clone.set(cloneOf(key, seen), cloneOf(item, seen));
    };
    return { clone, fill };
  }
  if (value instanceof Set) {
    const [clone, items] = [new Set(), [...value]];
    const fill = (): void => {
      for (const item of items) clone.add(cloneOf(item, seen));
    };
    return { clone, fill };
  }
  if (value instanceof Date) return { clone: new Date(value.getTime()) };
  if (value instanceof RegExp) return { clone: new RegExp(value.source, value.flags) };
  if (value instanceof ArrayBuffer) return { clone: value.slice(0) };
  if (ArrayBuffer.isView(value)) return { clone: viewOf(value, seen) };
  if (value instanceof Error) return errorOf(value, seen);
  if (value instanceof Boolean || value instanceof Number || value instanceof String) {
    return { clone: Object(value.valueOf()) as object };
  }
  const tag = Object.prototype.toString.call(value);
  if (tag !== '[object Object]' || isOfWeb(value)) throw uncloneable(value);
  const clone = {};
  return { clone, fill: () => copyFields(value, clone, seen) };
}

function copyFields(from: object, to: object, seen: Seen): void {
  for (const [key, field] of Object.entries(from)) {
    Object.defineProperty(to, key, {
      value: cloneOf(field, seen),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}

function viewOf(view: ArrayBufferView, seen: Seen): object {
  const { byteOffset, byteLength } = view;
  const buffer = cloneOf(view.buffer, seen);
  const length = 'length' in view ? (view.length as number) : byteLength;
  return new (view.constructor as new (...args: unknown[]) => object)(buffer, byteOffset, length);
}

function errorOf(error: Error, seen: Seen): { clone: Error; fill: () => void } {
  const clone = new (ERRORS.get(error.name) ?? Error)(error.message);
  const fill = (): void => {
    Object.defineProperty(clone, 'stack', { value: error.stack, writable: true, configurable: true });
    if (Object.hasOwn(error, 'cause')) {
      Object.defineProperty(clone, 'cause', { value: cloneOf(error.cause, seen), writable: true, configurable: true });
    }
  };
  return { clone, fill };
}

function uncloneable(value: unknown): DOMException {
  const name = typeof value === 'function' ? value.name || 'a function' : Object.prototype.toString.call(value);
  return new DOMException(`${name} could not be cloned.`, 'DataCloneError');
}

install({ structuredClone });
