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
  importsAnswerAtOnce: boolean,
): void {
  if (glue === undefined) return;
  const streams = stdin !== undefined || stdout !== undefined || stderr !== undefined || wanted.some(isSource);
  const ours = glue.waits.find(
    (name) =>
      !ANSWERS_OTHERWISE.test(name) &&
      (streams || !STREAMS.test(name)) &&
      !isFromEmbedder(imports[name.slice(0, name.indexOf('#'))]),
  );
  const given = embedderFunction(imports, importsAnswerAtOnce ? isAsync : isFunction);
  const found = ours ?? given;
  if (found === undefined) return;
  const remedy =
    ours === undefined && !isAsyncIn(imports) ? '; say `importsAnswerAtOnce: true` if it answers values alone' : '';
  const message = `the component imports ${found}, which may have to wait, and no turn of the component can: it ${glue.why}, so it is called through JavaScript, which cannot be suspended (a runtime with \`waiting: false\` takes it, and ends it where it would have to wait)${remedy}`;
  throw new RuntimeError('RUNTIME_WOULD_BLOCK', message);
}

const isSource = (name: string): boolean => SOURCES.test(name);

/**
 * The name of a function of the embedder's of a kind. Any function may answer a promise, and only its calls tell, so all of them count
 * unless the embedder says that they answer at once.
 */
function embedderFunction(
  imports: Readonly<Record<string, unknown>>,
  isOfKind: (call: unknown) => boolean,
): string | undefined {
  for (const [name, met] of Object.entries(imports)) {
    if (!isFromEmbedder(met)) continue;
    for (const [member, call] of Object.entries(met as object)) {
      if (isOfKind(call)) return member === 'default' ? name : `${name}#${member}`;
    }
  }
  return undefined;
}

const isAsyncIn = (imports: Readonly<Record<string, unknown>>): boolean =>
  embedderFunction(imports, isAsync) !== undefined;

const isFunction = (call: unknown): boolean => typeof call === 'function';

function isAsync(call: unknown): boolean {
  return typeof call === 'function' && Object.prototype.toString.call(call) === '[object AsyncFunction]';
}
