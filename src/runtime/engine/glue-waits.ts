import type { Stdio } from '#core/ports/bytes';
import type { ComponentCode } from '#runtime/code';
import { isFromEmbedder } from '#runtime/host';
import { RuntimeError } from '../errors.ts';

/** A flush that cannot be waited for is `unsupported`, which is an answer. */
const ANSWERS_OTHERWISE = /^wasi:filesystem\//;
/** These wait only on streams of sockets, of HTTP and of the embedder's standard streams; what is logged is written at once. */
const STREAMS = /^wasi:io\/streams@/;
const SOURCES = /^wasi:(?:sockets|http)\//;

/**
 * Refuses a component that the glue must serve and whose turns may have to wait. A stack with the glue's JavaScript on it cannot be
 * suspended, and the component must not find that out in the middle of a turn.
 * @throws {RuntimeError} `RUNTIME_WOULD_BLOCK`, naming a function and why the glue is needed
 */
export function refuseToWait(
  { glue, imports: wanted }: Pick<ComponentCode, 'glue' | 'imports'>,
  imports: Readonly<Record<string, unknown>>,
  { stdin, stdout, stderr }: Pick<Stdio, 'stdin' | 'stdout' | 'stderr'>,
): void {
  if (glue === undefined) return;
  const streams = stdin !== undefined || stdout !== undefined || stderr !== undefined || wanted.some(isSource);
  const ours = glue.waits.find(
    (name) =>
      !ANSWERS_OTHERWISE.test(name) &&
      (streams || !STREAMS.test(name)) &&
      !isFromEmbedder(imports[name.slice(0, name.indexOf('#'))]),
  );
  const found = ours ?? asyncFunction(imports);
  if (found === undefined) return;
  const message = `the component imports ${found}, which may have to wait, and no turn of the component can: it ${glue.why}, so it is called through JavaScript, which cannot be suspended (a runtime with \`waiting: false\` takes it, and ends it where it would have to wait)`;
  throw new RuntimeError('RUNTIME_WOULD_BLOCK', message);
}

const isSource = (name: string): boolean => SOURCES.test(name);

/** The name of a function of the embedder's that is declared `async`. Whether others answer promises, only their calls tell. */
function asyncFunction(imports: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, met] of Object.entries(imports)) {
    if (!isFromEmbedder(met)) continue;
    for (const [member, call] of Object.entries(met as object)) {
      if (isAsync(call)) return member === 'default' ? name : `${name}#${member}`;
    }
  }
  return undefined;
}

function isAsync(call: unknown): boolean {
  return typeof call === 'function' && Object.prototype.toString.call(call) === '[object AsyncFunction]';
}
