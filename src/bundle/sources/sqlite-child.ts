// The program of the child process that reads a potentially hostile database; see SqliteSource.
import { endWithParent } from '#processes';
import { SqliteReader } from './sqlite-reader.ts';
import { type Answer, type Question, type SourceEvent, toWire } from './sqlite-wire.ts';

const BATCH_BYTES = 2 ** 20;
const PIECE_BYTES = 2 ** 20;
/** An event without a chunk takes space in a batch too. */
const EVENT_BYTES = 256;

let reader: SqliteReader | undefined;
let events: AsyncGenerator<SourceEvent> | undefined;

endWithParent();
process.on('message', (question: Question) => {
  void answer(question)
    .catch(toWire)
    .then((given) => process.send?.(given));
});

async function answer(question: Question): Promise<Answer> {
  if ('open' in question) {
    reader = await SqliteReader.open(question.open);
    events = eventsOf(reader);
    return {
      opened: { inputProcessors: reader.inputProcessors, count: await reader.count(), leftOut: reader.leftOut },
    };
  }
  if ('close' in question) {
    await reader?.close();
    return { closed: true };
  }
  if (reader === undefined || events === undefined) throw new Error('nothing was opened');
  const batch: SourceEvent[] = [];
  for (let bytes = 0; bytes < BATCH_BYTES; ) {
    const { done, value } = await events.next();
    if (done === true) return { batch, done, inputProcessors: reader.inputProcessors, leftOut: reader.leftOut };
    batch.push(value);
    bytes += EVENT_BYTES + ('piece' in value ? value.piece.length : 0);
  }
  return { batch, done: false };
}

async function* eventsOf(source: SqliteReader): AsyncGenerator<SourceEvent> {
  for await (const { chunk, ...begin } of source.sources()) {
    yield { begin };
    for await (const piece of chunk instanceof Uint8Array ? slices(chunk) : chunk) yield { piece };
    yield { end: true };
  }
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  // Make a copy, because the serialiser would send the whole memory behind a view.
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.slice(at, at + PIECE_BYTES);
}
