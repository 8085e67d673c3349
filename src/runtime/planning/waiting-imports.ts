import { BLOCKING_STREAM_METHODS } from '#runtime/host';

const STORAGE = 'vivarium:actor/storage';

/** Our own host functions that may have to wait, by the name of their interface without its version. */
const MAY_WAIT: Readonly<Record<string, readonly string[]>> = {
  'vivarium:actor/host-messaging': ['ask'],
  'vivarium:actor/host-services': ['sleep-millis'],
  [STORAGE]: ['get', 'set', 'delete', 'exists', 'list-keys', 'usage'],
  'wasi:filesystem/types': ['[method]descriptor.sync', '[method]descriptor.sync-data'],
  'wasi:io/poll': ['poll', '[method]pollable.block'],
  // Version 0.3 has these without `async`, and the system answers them later.
  'wasi:sockets/types': [
    '[method]tcp-socket.bind',
    '[method]tcp-socket.listen',
    '[method]udp-socket.bind',
    '[method]udp-socket.connect',
  ],
  'wasi:io/streams': BLOCKING_STREAM_METHODS,
};

/** The packages whose interfaces the runtime implements. Every function that an embedder gives may wait. */
const OURS = /^(?:vivarium:actor|wasi:(?:cli|clocks|filesystem|http|io|random|sockets))\//;

/** Whether the runtime implements the function of this name, unless the embedder gives another. @param name as a host function's name in WIT */
export function isOurs(name: string): boolean {
  return OURS.test(name);
}

/** Whether an import of a component may have to wait for its answer. @param path the interface and the function, or the function alone */
export function mayWait(path: readonly string[]): boolean {
  const [from = '', name = from] = path;
  const base = baseOf(from);
  return OURS.test(base) ? MAY_WAIT[base]?.includes(name) === true : true;
}

/** Whether an import waits only when the runtime's storage does not answer at once. @param path as for `mayWait` */
export function waitsForStorage([from = '']: readonly string[]): boolean {
  return baseOf(from) === STORAGE;
}

function baseOf(name: string): string {
  const at = name.indexOf('@');
  return at === -1 ? name : name.slice(0, at);
}
