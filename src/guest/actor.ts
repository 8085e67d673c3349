import { decodeCbor, encodeCbor } from './cbor.ts';
import { ActorError, asResult } from './errors.ts';
import { takeReplyHandler } from './host.ts';
import { Message } from './message.ts';
import { seedMathRandom } from './random.ts';
import { inTurn } from './turn.ts';
import type { ActorConfig, HealthStatus, Value, WitConfig, WitMessage, WitMetadata } from './types.ts';
import { encodeUtf8 } from './utf8.ts';
import { encodeValue } from './values.ts';

/** What an actor answers: a value, or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement answers nothing
export type Reply = Value | undefined | void;

/** What a handler may answer: a value, or the promise of one, for which the turn waits. */
export type Awaitable<T> = T | PromiseLike<T>;

/** One function for each operation; a message `{ "add": 3 }` calls `add(3)`. */
// biome-ignore lint/suspicious/noExplicitAny: each operation has an argument type of its own, as it declares
export type Operations = Readonly<Record<string, (argument: any, message: Message) => unknown>>;

export interface ActorDefinition<Ops extends Operations = Operations> {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly author?: string;
  readonly license?: string;
  /** Called once, before any message. What it throws ends the component. */
  onStart?(config: ActorConfig): Awaitable<void>;
  /** Operations by name. A message is `{ name: argument }` in JSON or CBOR, and the answer comes in the same. */
  readonly operations?: Ops;
  /** Any message that names no operation. What it answers is the reply. */
  onMessage?(message: Message): Awaitable<Reply>;
  /** Messages that come through a topic; `onMessage` gets them where this is left out. */
  onTopic?(message: Message): Awaitable<void>;
  /** Answers to requests that were made without a handler of their own. */
  onReply?(message: Message): Awaitable<void>;
  health?(): Awaitable<HealthStatus>;
  /** Called once, after the last message. */
  onStop?(): Awaitable<void>;
}

/** What `export const lifecycle` must be. */
export interface Lifecycle<Ops extends Operations = Operations> {
  initialize(config: WitConfig): void;
  handleMessage(message: WitMessage): Uint8Array | undefined;
  handleCallback(message: WitMessage): void;
  metadata(): WitMetadata;
  health(): HealthStatus;
  shutdown(): void;
  /** Carries the operations' types to the host; there is nothing at run time. */
  readonly operations?: Ops;
}

/** The operations' types, for `runtime.actor<ProtocolOf<typeof lifecycle>>(handle)`. */
export type ProtocolOf<L extends Lifecycle<Operations>> = NonNullable<L['operations']>;

/**
 * An actor from functions: `export const lifecycle = defineActor({ … })`. State lives in the module's variables; it is
 * fresh after a restart, what must outlive one goes to `storage`.
 */
export function defineActor<Ops extends Operations>(definition: ActorDefinition<Ops>): Lifecycle<Ops> {
  const operations = new Map(Object.entries(definition.operations ?? {}));

  function answer(message: Message): Uint8Array | undefined {
    if (message.topic !== undefined && definition.onTopic !== undefined) {
      const { onTopic } = definition;
      inTurn(() => onTopic.call(definition, message));
      return undefined;
    }
    const called = operations.size === 0 ? undefined : readOperation(message);
    const operation = called === undefined ? undefined : operations.get(called.name);
    if (called !== undefined && operation !== undefined) {
      const result = inTurn(() => operation.call(definition.operations, called.argument, message));
      return called.format.write(result ?? null);
    }
    if (definition.onMessage === undefined) {
      throw new ActorError(
        'runtime-error',
        `no operation for this message; there are ${[...operations.keys()].join(', ') || 'none'}`,
      );
    }
    const reply = inTurn(() => definition.onMessage?.(message));
    return reply === undefined ? undefined : encodeValue(reply as Value);
  }

  return {
    initialize: (config) =>
      asResult(() => {
        seedMathRandom();
        inTurn(() => definition.onStart?.(readConfig(config)));
      }),
    handleMessage: (message) => asResult(() => answer(new Message(message))),
    handleCallback: (wit) =>
      asResult(() => {
        const message = new Message(wit);
        const handler = takeReplyHandler(message.correlationId);
        inTurn(() => (handler === undefined ? definition.onReply?.(message) : handler(message)));
      }),
    metadata: () => ({
      name: definition.name,
      version: definition.version,
      description: definition.description ?? '',
      author: definition.author ?? '',
      license: definition.license ?? '',
      supportedOperations: [...operations.keys()],
      stateful: true,
    }),
    health: () => (inTurn(() => definition.health?.()) as HealthStatus | undefined) ?? 'healthy',
    shutdown: () => void inTurn(() => definition.onStop?.()),
  };
}

/** How operations travel: the answer goes as the message came. */
interface Format {
  write(value: unknown): Uint8Array;
  read(message: Message): unknown;
}

const JSON_FORMAT: Format = { write: (value) => encodeUtf8(JSON.stringify(value)), read: (message) => message.json() };
const CBOR_FORMAT: Format = { write: encodeCbor, read: (message) => decodeCbor(message.payload) };

/** Messages between actors carry no content type: what begins like a JSON object is tried as one. */
function formatOf({ contentType, payload }: Message): Format | undefined {
  if (contentType === 'application/cbor') return CBOR_FORMAT;
  const json = contentType === 'application/json' || (contentType === undefined && payload[0] === 0x7b);
  return json ? JSON_FORMAT : undefined;
}

/** A message that is a record with one key; undefined for any other. */
function readOperation(message: Message): { name: string; argument: unknown; format: Format } | undefined {
  const format = formatOf(message);
  if (format === undefined) return undefined;
  let value: unknown;
  try {
    value = format.read(message);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const [entry, ...others] = Object.entries(value);
  return entry === undefined || others.length > 0 ? undefined : { name: entry[0], argument: entry[1], format };
}

function readConfig({ envVars, configData, resourceLimits }: WitConfig): ActorConfig {
  const env: Record<string, string> = Object.create(null);
  for (const [name, value] of envVars) env[name] = value;
  const { maxMemoryBytes, maxExecutionTimeMs } = resourceLimits;
  return { env, data: configData ?? undefined, limits: { maxMemoryBytes: Number(maxMemoryBytes), maxExecutionTimeMs } };
}
