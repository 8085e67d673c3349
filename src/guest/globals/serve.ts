import './promise.ts';
import {
  type Case,
  Fields,
  type IncomingRequest,
  OutgoingBody,
  OutgoingResponse,
  ResponseOutparam,
} from 'wasi:http/types@0.2.1';
import { getRandomBytes } from 'wasi:random/random@0.2.2';
import { seedMathRandom } from '../random.ts';
import { inTurn } from '../turn.ts';
import { encodeUtf8 } from '../utf8.ts';
import { latin1, readAll, writeAll } from './bodies.ts';
import { Request, Response } from './messages.ts';
import { report } from './report.ts';

/** What a source exports to answer HTTP requests: `export default { fetch(request) { … } }`. */
interface Handler {
  fetch(request: Request): Response | Promise<Response>;
}

interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, Uint8Array])[];
  readonly body: Uint8Array;
}

/** Headers of one connection. The host sets them for its own, and refuses a guest's. */
const OF_CONNECTION = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

let isSeeded = false;

/**
 * Makes the export `wasi:http/incoming-handler` of a source's default export. A request is a turn, which lasts until the body of its
 * answer is written.
 */
export function handlerOf(given: unknown): { handle(incoming: IncomingRequest, out: ResponseOutparam): void } {
  if (typeof (given as Partial<Handler> | undefined)?.fetch !== 'function') {
    throw new TypeError('the default export answers no requests; write export default { fetch(request) { … } }');
  }
  return {
    handle(incoming, out) {
      if (!isSeeded) seedMathRandom(getRandomBytes);
      isSeeded = true;
      inTurn(() => handle(given as Handler, incoming, out));
    },
  };
}

async function handle(handler: Handler, incoming: IncomingRequest, out: ResponseOutparam): Promise<void> {
  let answer: Answer;
  try {
    answer = await answerTo(handler, incoming);
  } catch (thrown) {
    // The client learns no more than that the request failed. The author finds the reason in the log.
    report('error', `a request was not answered: ${textOf(thrown)}`);
    ResponseOutparam.set(out, { tag: 'err', val: { tag: 'internal-error', val: null } });
    return;
  }
  const outgoing = new OutgoingResponse(Fields.fromList(answer.headers));
  outgoing.setStatusCode(answer.status);
  const body = outgoing.body();
  ResponseOutparam.set(out, { tag: 'ok', val: outgoing });
  if (answer.body.length > 0) writeAll(body.write(), answer.body);
  OutgoingBody.finish(body, null);
}

async function answerTo(handler: Handler, incoming: IncomingRequest): Promise<Answer> {
  const response = await handler.fetch(requestOf(incoming));
  if (!(response instanceof Response)) throw new TypeError('fetch answered no Response');
  const headers = [...response.headers].filter(([name]) => !OF_CONNECTION.has(name));
  return {
    status: response.status,
    headers: headers.map(([name, value]) => [name, fieldValue(value)] as const),
    body: await response.bytes(),
  };
}

function requestOf(incoming: IncomingRequest): Request {
  const fields = incoming.headers();
  const headers = fields.entries().map(([name, value]) => [name, latin1(value)] as const);
  fields[Symbol.dispose]();
  const method = methodOf(incoming.method());
  const scheme = incoming.scheme()?.tag === 'HTTPS' ? 'https' : 'http';
  const url = `${scheme}://${incoming.authority() ?? 'localhost'}${incoming.pathWithQuery() ?? '/'}`;
  const request = new Request(url, { method, headers });
  if (method === 'GET' || method === 'HEAD') return request;
  // The body is read when the source asks for it, so that one that it does not ask for costs nothing.
  return new Request(request, { reads: () => bodyOf(incoming) });
}

async function bodyOf(incoming: IncomingRequest): Promise<Uint8Array> {
  const body = incoming.consume();
  const stream = body.stream();
  try {
    return await readAll(stream, undefined);
  } finally {
    stream[Symbol.dispose]();
    body[Symbol.dispose]();
  }
}

/** A header's value has a byte for each character, as browsers send it; characters that have no byte are UTF-8. */
function fieldValue(value: string): Uint8Array {
  const codes = Array.from(value, (character) => character.codePointAt(0) as number);
  return codes.some((code) => code > 0xff) ? encodeUtf8(value) : Uint8Array.from(codes);
}

function methodOf({ tag, val }: Case): string {
  return tag === 'other' ? String(val) : tag.toUpperCase();
}

function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const head = `${thrown.name}: ${thrown.message}`;
  const stack = thrown.stack ?? '';
  return (stack.startsWith(head) ? stack : `${head}\n${stack}`).trimEnd();
}
