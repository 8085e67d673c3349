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
import { HostBytes, latin1, payloadOf, writeBytes, writeParts } from './bodies.ts';
import type { ByteSource } from './byte-source.ts';
import { Request, Response, takeBody } from './messages.ts';
import { report } from './report.ts';

/** What a source exports to answer HTTP requests: `export default { fetch(request) { … } }`. */
interface Handler {
  fetch(request: Request): Response | Promise<Response>;
}

interface Answer {
  readonly head: OutgoingResponse;
  readonly body: Uint8Array | ByteSource | undefined;
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
  const sent = new HostBytes(() => incoming.consume());
  try {
    await respond(await answerTo(handler, requestOf(incoming, sent)), out);
  } finally {
    sent.cancel();
  }
}

async function answerTo(handler: Handler, request: Request): Promise<Answer | undefined> {
  try {
    const response = await handler.fetch(request);
    if (!(response instanceof Response)) throw new TypeError('fetch answered no Response');
    if (response.type === 'error') throw new TypeError('fetch answered Response.error()');
    const headers = [...response.headers].filter(([name]) => !OF_CONNECTION.has(name));
    const head = new OutgoingResponse(Fields.fromList(headers.map(([name, value]) => [name, fieldValue(value)])));
    head.setStatusCode(response.status);
    return { head, body: takeBody(response) };
  } catch (thrown) {
    // The client learns no more than that the request failed. The author finds the reason in the log.
    report('error', `a request was not answered: ${textOf(thrown)}`);
    return undefined;
  }
}

/** Sends an answer. What fails once its head is sent breaks its body off. */
async function respond(answer: Answer | undefined, out: ResponseOutparam): Promise<void> {
  if (answer === undefined) {
    ResponseOutparam.set(out, { tag: 'err', val: { tag: 'internal-error', val: null } });
    return;
  }
  const body = answer.head.body();
  ResponseOutparam.set(out, { tag: 'ok', val: answer.head });
  try {
    if (answer.body instanceof Uint8Array) writeBytes(body.write(), answer.body);
    else if (answer.body !== undefined) await writeParts(body.write(), answer.body);
  } catch (thrown) {
    // Dropping a body that is not finished tells the client that it is not whole. That the client reads no more is no error.
    body[Symbol.dispose]();
    if (payloadOf(thrown) === undefined) report('error', `the body of an answer broke off: ${textOf(thrown)}`);
    return;
  }
  OutgoingBody.finish(body, null);
}

function requestOf(incoming: IncomingRequest, body: ByteSource): Request {
  const fields = incoming.headers();
  const headers = fields.entries().map(([name, value]) => [name, latin1(value)] as const);
  fields[Symbol.dispose]();
  const method = methodOf(incoming.method());
  const scheme = incoming.scheme()?.tag === 'HTTPS' ? 'https' : 'http';
  const url = `${scheme}://${incoming.authority() ?? 'localhost'}${incoming.pathWithQuery() ?? '/'}`;
  return new Request(url, { method, headers, body: method === 'GET' || method === 'HEAD' ? null : body });
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
