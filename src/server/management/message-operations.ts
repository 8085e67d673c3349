import { type ComponentHandle, formatComponentId } from '#core';
import type { InternalContext } from '../internal-routes.ts';
import { Refused } from './body.ts';
import type { Managed } from './managed.ts';
import { handleOf } from './named.ts';
import { json, NEVER_A_PAGE, type Operation } from './operation.ts';
import { recorded } from './recorded.ts';
import { ANY_BYTES, DEAD_LETTERS } from './schemas.ts';

const MOST_OF_TYPE = 256;
const MOST_OF_PAYLOAD = 256;
const MAX_WAIT_S = 300;

/** The operations on messages: send one to an actor, with or without waiting for its reply, and see those that nobody handled. */
export function messageOperations(managed: Managed): readonly Operation[] {
  return [
    {
      method: 'POST',
      path: '/actors/:namespace/:name/:instance',
      scope: 'send',
      id: 'sendMessage',
      summary:
        'Sends the body to an actor and waits for its reply. With `Prefer: respond-async` it does not wait; `Prefer: wait=N` waits N seconds at most.',
      body: { '*/*': ANY_BYTES },
      answers: {
        200: { description: 'The reply.', content: { '*/*': ANY_BYTES } },
        202: { description: 'The message is in the mailbox.' },
        204: { description: 'The actor has handled the message and gave no reply.' },
      },
      handle: (request, context) => message(managed, request, context),
    },
    {
      method: 'GET',
      path: '/-/v1/dead-letters',
      scope: 'read',
      id: 'listDeadLetters',
      summary: 'Lists the last messages that no actor handled, oldest first.',
      query: [{ name: 'target', description: 'The id of the actor that they were for.', schema: { type: 'string' } }],
      answers: { 200: { description: 'The letters.', content: { 'application/json': DEAD_LETTERS } } },
      handle: (request) => json(deadLetters(managed, new URL(request.url).searchParams.get('target'))),
    },
  ];
}

async function message(managed: Managed, request: Request, context: InternalContext): Promise<Response> {
  const handle = handleOf(managed, context);
  const contentType = request.headers.get('content-type') ?? undefined;
  if ((contentType?.length ?? 0) > MOST_OF_TYPE) throw new Refused(400, 'the content type is too long');
  return managed.messages.whole(request, (payload) =>
    sent(managed, { handle, payload, contentType }, request, context),
  );
}

interface Sent {
  readonly handle: ComponentHandle;
  readonly payload: Uint8Array;
  readonly contentType: string | undefined;
}

async function sent(
  managed: Managed,
  { handle, payload, contentType }: Sent,
  request: Request,
  context: InternalContext,
): Promise<Response> {
  const { runtime } = managed;
  const { isAsync, timeoutMs } = preferences(request.headers.get('prefer') ?? '');
  if (isAsync) {
    await recorded(managed, request, context, 'manage:send', () => runtime.send(handle, payload, { contentType }));
    return new Response(null, { status: 202, headers: { 'preference-applied': 'respond-async' } });
  }
  const options = { signal: request.signal, contentType, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  const reply = await recorded(managed, request, context, 'manage:send', () =>
    runtime.request(handle, payload, options),
  );
  if (reply === undefined) return new Response(null, { status: 204, headers: NEVER_A_PAGE });
  // The actor wrote the reply. It must not become a page of this origin, whatever the client said of its own message.
  const headers = { ...NEVER_A_PAGE, 'content-type': contentType ?? 'application/octet-stream' };
  return new Response(new Uint8Array(reply), { headers });
}

/** Reads the preferences of RFC 7240 that mean something here. */
function preferences(header: string): { readonly isAsync: boolean; readonly timeoutMs: number | undefined } {
  const parts = header
    .slice(0, 1_000)
    .split(',', 20)
    .map((part) => part.trim().toLowerCase());
  const wait = parts.find((part) => part.startsWith('wait='))?.slice('wait='.length) ?? '';
  return {
    isAsync: parts.includes('respond-async'),
    timeoutMs: /^\d{1,6}$/.test(wait) ? Math.min(Number(wait), MAX_WAIT_S) * 1_000 : undefined,
  };
}

function deadLetters({ runtime }: Managed, target: string | null): unknown {
  const letters = runtime.deadLetters().map(({ target: to, message: { sender, payload }, reason, error, at }) => ({
    at,
    target: formatComponentId(to),
    sender: formatComponentId(sender),
    reason,
    code: error?.code,
    bytes: payload.length,
    payload: Buffer.from(payload.subarray(0, MOST_OF_PAYLOAD)).toString('base64'),
  }));
  return target === null ? letters : letters.filter((letter) => letter.target === target);
}
