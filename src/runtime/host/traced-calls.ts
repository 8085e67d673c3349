import { messageOf } from '#core/errors';
import type { OpenSpan, SpanAttributes, SpanKind } from '#core/ports/tracing';
import { Later } from '#core/waiting';
import type { HostState } from './host-state.ts';
import { cancellable } from './host-waits.ts';

type Call = (caller: HostState, ...args: unknown[]) => unknown;

/** How many characters of a guest's text a span holds. */
const MOST_OF_TEXT = 256;

/**
 * The functions that are spans: those that reach something outside their store, or wait. Others are too small and too many: a span
 * costs more than they do. Outgoing requests have a span of their own, which knows the answer.
 */
const KINDS: Readonly<Record<string, Readonly<Record<string, SpanKind>>>> = {
  'vivarium:actor/host-messaging': {
    send: 'producer',
    request: 'producer',
    ask: 'producer',
    broadcast: 'producer',
    publish: 'producer',
  },
  'vivarium:actor/host-services': { sleepMillis: 'internal' },
  'vivarium:actor/storage': {
    get: 'client',
    set: 'client',
    delete: 'client',
    exists: 'client',
    listKeys: 'client',
    usage: 'client',
  },
};

/** Returns the interface with spans around the calls of its functions that deserve one. @param base the interface's name without its version */
export function tracedInterface<F extends Readonly<Record<string, unknown>>>(base: string, functions: F): F {
  const kinds = KINDS[base];
  if (kinds === undefined) return functions;
  const traced = Object.entries(functions).map(([name, call]) => {
    const kind = kinds[name];
    return [name, kind === undefined ? call : tracedCall(`${base}#${name}`, kind, call as Call)] as const;
  });
  return Object.fromEntries(traced) as F;
}

function tracedCall(name: string, kind: SpanKind, call: Call): Call {
  return (caller, ...args) => {
    const turn = caller.span;
    if (turn === undefined) return call(caller, ...args);
    // Messages carry the context of a dropped span too, so that the turns which they begin are dropped as well.
    if (turn.isDropped === true) return turn.run(() => call(caller, ...args));
    const span = turn.begin(kind, name, attributesOf(kind, args[0]));
    return within(span, () => call(caller, ...args));
  };
}

function within(span: OpenSpan, call: () => unknown): unknown {
  let answer: unknown;
  try {
    answer = span.run(call);
  } catch (thrown) {
    span.end({}, failureOf(thrown));
    throw thrown;
  }
  // A later value has one listener, which is the promise that takes its place here.
  if (answer instanceof Later) {
    const later = answer;
    answer = cancellable(later.promise(), () => later.drop());
  }
  if (!(answer instanceof Promise)) {
    span.end();
    return answer;
  }
  // The promise itself is answered, because a mark of the host function's may be on it.
  answer.then(
    () => span.end(),
    (thrown) => span.end({}, failureOf(thrown)),
  );
  return answer;
}

/** The case of the function's error in WIT, or the message of an error that ends the store. */
function failureOf(thrown: unknown): string {
  const isCase = typeof thrown === 'object' && thrown !== null && 'tag' in thrown;
  return (isCase ? String(thrown.tag) : messageOf(thrown)).slice(0, MOST_OF_TEXT);
}

/** Where a message goes to: an id or a topic. The guest wrote both. */
function attributesOf(kind: SpanKind, first: unknown): SpanAttributes {
  if (kind !== 'producer') return {};
  const attributes = { 'messaging.system': 'vivarium' };
  if (typeof first === 'string') return { ...attributes, 'messaging.destination.name': first.slice(0, MOST_OF_TEXT) };
  if (typeof first !== 'object' || first === null || !('namespace' in first)) return attributes;
  const { namespace, name, instance } = first as Readonly<Record<string, unknown>>;
  return { ...attributes, 'messaging.destination.name': `${namespace}/${name}/${instance}`.slice(0, MOST_OF_TEXT) };
}
