import { formatComponentId } from '#core';
import { boundedJson } from '#core/text';
import type { LoadedComponentInfo } from '#system';
import type { EventStreams, EventWriter } from './event-stream.ts';
import type { Managed } from './managed.ts';
import type { Operation } from './operation.ts';

const EVERY_MS = 1_000;
const MOST_OF_EVENT = 4 * 2 ** 20;
/** How much of a topic may wait for a client that reads slowly. Older messages are dropped then. */
const TOPIC_MAILBOX = { maxMessages: 256, maxBytes: 4 * 2 ** 20, overflow: 'drop-oldest' } as const;
const EVENTS = { 200: { description: 'Server-sent events.', content: { 'text/event-stream': { type: 'string' } } } };

/** The figures of one component in an event: a list, because an event may hold thousands. */
type Row = readonly [
  id: string,
  state: string,
  mailbox: number,
  requests: number,
  fuel: string,
  memory: number,
  handled: number,
  executionMs: number,
  waitingMs: number,
  restarts: number,
];

/** The operations that answer with server-sent events. */
export function streamOperations(managed: Managed, streams: EventStreams): readonly Operation[] {
  return [
    {
      method: 'GET',
      path: '/-/v1/events',
      scope: 'read',
      id: 'watchComponents',
      summary:
        'Sends the figures of all components, and each second those that changed and the ids of those that are gone.',
      answers: EVENTS,
      handle: () => streams.respond((writer) => watchComponents(managed, writer)),
    },
    {
      method: 'GET',
      path: '/-/v1/topics/:topic(.*)',
      scope: 'read',
      id: 'watchTopic',
      summary: 'Sends the messages of the topic whose name is the rest of the path.',
      answers: EVENTS,
      handle: (_, { params }) => {
        const name = params.topic ?? '';
        // An invalid name is an error before the stream begins.
        const topic = managed.runtime.topic(name);
        return streams.respond(async (writer) => {
          const stop = await topic.subscribe(
            async ({ sender, payload, metadata: { contentType, messageId } }) => {
              const from = formatComponentId(sender);
              const event = { id: String(messageId), sender: from, contentType, ...contentOf(payload) };
              await writer.send('message', JSON.stringify(event));
            },
            { mailbox: TOPIC_MAILBOX },
          );
          return () => void stop();
        });
      },
    },
  ];
}

/** The payload as text if it is UTF-8, otherwise in base64. */
function contentOf(payload: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(payload) };
  } catch {
    return { base64: Buffer.from(payload).toString('base64') };
  }
}

function watchComponents({ runtime, monitor, clock }: Managed, writer: EventWriter): () => void {
  let told = new Map<string, string>();
  let stopTimer: () => void = () => {};
  const tick = (): void => {
    if (!writer.isBehind) {
      const rows = runtime.components().map((info) => rowOf(info, monitor.restarts(info.handle)));
      const now = new Map(rows.map((row) => [row[0], row.join('|')]));
      const changed = rows.filter((row) => told.get(row[0]) !== now.get(row[0]));
      const gone = [...told.keys()].filter((id) => !now.has(id));
      const data = boundedJson({ at: clock.now(), rows: changed, gone }, MOST_OF_EVENT);
      if (data !== undefined) void writer.send('components', data);
      told = now;
    }
    if (!writer.left.aborted) stopTimer = clock.after(EVERY_MS, tick);
  };
  tick();
  return () => stopTimer();
}

function rowOf({ id, state, mailbox, requests, usage }: LoadedComponentInfo, restarts: number): Row {
  const { fuelConsumed, memoryBytes, messagesHandled, executionTimeMs, waitingMs } = usage;
  const [execution, waiting] = [Math.round(executionTimeMs), Math.round(waitingMs)];
  return [
    id,
    state,
    mailbox.messages,
    requests,
    String(fuelConsumed),
    memoryBytes,
    messagesHandled,
    execution,
    waiting,
    restarts,
  ];
}
