import { getRandomBytes } from 'wasi:random/random@0.2.0';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { checkDefinition } from './check-definition.ts';
import { ActorError, asResult } from './errors.ts';
import { takeReplyHandler } from './host.ts';
import { Message } from './message.ts';
import { seedMathRandom } from './random.ts';
import { type SocketEvent, socketEventOf } from './socket.ts';
import { inTurn } from './turn.ts';
import type { ActorConfig, HealthStatus, Value, WitConfig, WitMessage, WitMetadata } from './types.ts';
import { encodeUtf8 } from './utf8.ts';
import { encodeValue } from './values.ts';

/** The reply of an actor: a value, or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement answers nothing
export type Reply = Value | undefined | void;

/** What a handler may return: a value, or a promise of one, for which the turn waits. */
export type Awaitable<T> = T | PromiseLike<T>;

/** One function for each operation; a message `{ "add": 3 }` calls `add(3)`. */
// biome-ignore lint/suspicious/noExplicitAny: each operation declares an argument type of its own
export type Operations = Readonly<Record<string, (argument: any, message: Message) => unknown>>;

export interface ActorDefinition<Ops extends Operations = Operations> {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly author?: string;
  readonly license?: string;
  /** Called once, before any message. An error that it throws ends the component. */
  onStart?(config: ActorConfig): Awaitable<void>;
  /** Operations by name. A message is `{ name: argument }` in JSON or CBOR, and the reply has the same format. */
  readonly operations?: Ops;
  /** Handles any message that names no operation. The value that it returns is the reply. */
  onMessage?(message: Message): Awaitable<Reply>;
  /** Handles messages that come through a topic. Without this function, `onMessage` handles them. */
  onTopic?(message: Message): Awaitable<void>;
  /**
   * Handles what happens on the WebSockets of this actor. The value that it returns is sent to the client, as text where the
   * client sent text. Without this function, `onMessage` handles it.
   */
  onSocket?(event: SocketEvent, message: Message): Awaitable<Reply>;
  /** Handles replies to requests that have no handler of their own. */
  onReply?(message: Message): Awaitable<void>;
  health?(): Awaitable<HealthStatus>;
  /** Called once, after the last message. */
  onStop?(): Awaitable<void>;
}

/** The type that `export const lifecycle` must have. */
export interface Lifecycle<Ops extends Operations = Operations> {
  initialize(config: WitConfig): void;
  handleMessage(message: WitMessage): Uint8Array | undefined;
  handleCallback(message: WitMessage): void;
  metadata(): WitMetadata;
  health(): HealthStatus;
  shutdown(): void;
  /** Carries the operations' types to the host. The property does not exist at run time. */
  readonly operations?: Ops;
}

/** The types of the operations, for `runtime.actor<ProtocolOf<typeof lifecycle>>(handle)`. */
export type ProtocolOf<L extends Lifecycle<Operations>> = NonNullable<L['operations']>;

/**
 * Makes an actor from functions: `export const lifecycle = defineActor({ … })`. The module's variables hold its state. A restart
 * resets them, so state that must outlive a restart belongs in `storage`.
 * @throws {TypeError} for a function that no actor has, and for a value of another type; `viv build` then fails
 */
export function defineActor<Ops extends Operations>(definition: ActorDefinition<Ops>): Lifecycle<Ops> {
  checkDefinition(definition);
  const operations = new Map(Object.entries(definition.operations ?? {}));

  function answer(message: Message): Uint8Array | undefined {
    if (message.topic !== undefined && definition.onTopic !== undefined) {
      const { onTopic } = definition;
      inTurn(() => onTopic.call(definition, message));
      return undefined;
    }
    const event = definition.onSocket === undefined ? undefined : socketEventOf(message);
    if (event !== undefined) {
      const reply = inTurn(() => definition.onSocket?.(event, message));
      return reply === undefined ? undefined : encodeValue(reply as Value);
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
        seedMathRandom(getRandomBytes);
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

/** The encoding of an operation's message and reply; both use the same one. */
interface Format {
  write(value: unknown): Uint8Array;
  read(message: Message): unknown;
}

const JSON_FORMAT: Format = { write: (value) => encodeUtf8(JSON.stringify(value)), read: (message) => message.json() };
const CBOR_FORMAT: Format = { write: encodeCbor, read: (message) => decodeCbor(message.payload) };

/** Messages between actors carry no content type, so a message that begins like a JSON object is read as JSON. */
function formatOf({ contentType, payload }: Message): Format | undefined {
  if (contentType === 'application/cbor') return CBOR_FORMAT;
  const json = contentType === 'application/json' || (contentType === undefined && payload[0] === 0x7b);
  return json ? JSON_FORMAT : undefined;
}

/** Reads a message that is a record with one key; returns undefined for any other message. */
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
