import type { EngineLoadRequest } from '#core/ports/engine';
import { isFromEmbedder } from '#runtime/host';
import { RuntimeError } from '../errors.ts';

const HANDLER = /^wasi:http\/handler@0\.3\./;

/**
 * Refuses a middleware for which the embedder gave nothing that its requests could be passed on to. The network would be a wrong guess:
 * a request's authority is the server's own, so that the component would call itself.
 * @throws {RuntimeError} `RUNTIME_MISSING_IMPORT`
 */
export function refuseWithoutNext(
  wanted: readonly string[],
  imports: Readonly<Record<string, unknown>>,
  { context }: Pick<EngineLoadRequest, 'context'>,
): void {
  const name = wanted.find((each) => HANDLER.test(each));
  if (name === undefined || context.next !== undefined || isFromEmbedder(imports[name])) return;
  throw new RuntimeError(
    'RUNTIME_MISSING_IMPORT',
    `the component imports ${name} to pass requests on, and nothing to pass them on to was given; give it in load options: { next: (request) => runtime.fetch(service, request) }`,
    { details: { imports: name } },
  );
}
