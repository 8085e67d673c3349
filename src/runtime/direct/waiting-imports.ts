/**
 * Functions of ours that may have to wait, by interface without version. Functions of an embedder's own interfaces may all
 * wait; those of WASI never do yet.
 */
const MAY_WAIT: Readonly<Record<string, string>> = {
  'vivarium:actor/host-messaging': 'ask',
  'vivarium:actor/host-services': 'sleep-millis',
};

/** Whether an import of a component may have to wait for its answer. @param path the interface and the function, or the function alone */
export function mayWait(path: readonly string[]): boolean {
  const [from = '', name = from] = path;
  const at = from.indexOf('@');
  const base = at === -1 ? from : from.slice(0, at);
  if (base.startsWith('wasi:')) return false;
  return base.startsWith('vivarium:actor/') ? MAY_WAIT[base] === name : true;
}
