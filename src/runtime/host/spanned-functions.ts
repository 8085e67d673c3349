import type { SpanKind } from '#core/ports/tracing';

/** What a span of a function stands for. `wait` is a span for the time that the call waits, and none where it does not. */
export type Spanned = SpanKind | 'wait';

/** Makes a table of functions of one kind. */
const all = (kind: Spanned, ...names: readonly string[]): Readonly<Record<string, Spanned>> =>
  Object.fromEntries(names.map((name) => [name, kind]));

/** The methods of `wasi:io/streams` that wait for their answer. */
export const BLOCKING_STREAM_METHODS: readonly string[] = [
  '[method]input-stream.blocking-read',
  '[method]input-stream.blocking-skip',
  '[method]output-stream.blocking-write-and-flush',
  '[method]output-stream.blocking-flush',
  '[method]output-stream.blocking-write-zeroes-and-flush',
  '[method]output-stream.blocking-splice',
];

/**
 * The functions and methods that are spans, by their WIT names: those that reach something outside their store, or wait. Others are
 * too small and too many: a span costs more than they do. Outgoing requests have a span of their own, which knows the answer.
 */
export const SPANNED: Readonly<Record<string, Readonly<Record<string, Spanned>>>> = {
  'vivarium:actor/host-messaging': all('producer', 'send', 'request', 'ask', 'broadcast', 'publish'),
  'vivarium:actor/host-services': all('internal', 'sleep-millis'),
  'vivarium:actor/storage': all('client', 'get', 'set', 'delete', 'exists', 'list-keys', 'usage'),
  'wasi:clocks/monotonic-clock': all('wait', 'wait-for', 'wait-until'),
  'wasi:io/poll': all('wait', 'poll', '[method]pollable.block'),
  'wasi:io/streams': all('wait', ...BLOCKING_STREAM_METHODS),
  'wasi:filesystem/types': all(
    'internal',
    ...[
      ...['open-at', 'read', 'write', 'sync', 'sync-data', 'set-size', 'set-times', 'stat', 'metadata-hash'],
      ...['read-directory', 'create-directory-at', 'remove-directory-at', 'stat-at', 'set-times-at', 'link-at'],
      ...['readlink-at', 'rename-at', 'symlink-at', 'unlink-file-at', 'metadata-hash-at'],
    ].map((name) => `[method]descriptor.${name}`),
  ),
  'wasi:sockets/tcp': {
    ...all('client', '[method]tcp-socket.start-connect', '[method]tcp-socket.finish-connect'),
    ...all('internal', '[method]tcp-socket.start-bind', '[method]tcp-socket.start-listen', '[method]tcp-socket.accept'),
  },
  'wasi:sockets/udp': all('internal', '[method]udp-socket.start-bind', '[method]udp-socket.stream'),
  'wasi:sockets/types': {
    ...all('client', '[method]tcp-socket.connect', '[method]udp-socket.connect'),
    ...all('internal', '[method]tcp-socket.bind', '[method]tcp-socket.listen', '[method]udp-socket.bind'),
  },
  'wasi:sockets/ip-name-lookup': all('client', 'resolve-addresses'),
};
