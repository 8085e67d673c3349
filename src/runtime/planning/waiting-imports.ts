/** Functions of ours that may have to wait, by interface without version. */
const MAY_WAIT: Readonly<Record<string, readonly string[]>> = {
  'vivarium:actor/host-messaging': ['ask'],
  'vivarium:actor/host-services': ['sleep-millis'],
  'wasi:filesystem/types': ['[method]descriptor.sync', '[method]descriptor.sync-data'],
  'wasi:io/poll': ['poll', '[method]pollable.block'],
  'wasi:io/streams': [
    '[method]input-stream.blocking-read',
    '[method]input-stream.blocking-skip',
    '[method]output-stream.blocking-write-and-flush',
    '[method]output-stream.blocking-flush',
    '[method]output-stream.blocking-write-zeroes-and-flush',
    '[method]output-stream.blocking-splice',
  ],
};

/** Packages whose interfaces are ours; all that an embedder gives may wait. */
const OURS = /^(?:vivarium:actor|wasi:(?:cli|clocks|filesystem|http|io|random|sockets))\//;

/** Whether an import of a component may have to wait for its answer. @param path the interface and the function, or the function alone */
export function mayWait(path: readonly string[]): boolean {
  const [from = '', name = from] = path;
  const at = from.indexOf('@');
  const base = at === -1 ? from : from.slice(0, at);
  return OURS.test(base) ? MAY_WAIT[base]?.includes(name) === true : true;
}
