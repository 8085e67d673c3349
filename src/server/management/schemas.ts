// What the operations take and answer, as JSON Schemas of the OpenAPI document.

const text = { type: 'string' };
const integer = { type: 'integer' };
/** An integer of 64 bits, which JSON cannot hold exactly as a number. */
const decimal = { type: 'string', pattern: '^[0-9]+$' };
const texts = { type: 'array', items: text };

const LIMITS = {
  type: 'object',
  properties: {
    maxMemoryBytes: integer,
    maxExecutionTimeMs: { type: 'number' },
    maxTurnTimeMs: { type: 'number' },
    maxStartTimeMs: { type: 'number' },
    maxFuel: decimal,
    weight: { type: 'number' },
  },
};

export const COMPONENT = {
  type: 'object',
  properties: {
    id: text,
    state: text,
    version: text,
    limits: LIMITS,
    grants: texts,
    restarts: integer,
    concurrency: { ...integer, description: 'Calls, requests and messages that its instance serves side by side.' },
    requests: { ...integer, description: 'HTTP requests that it answers or that wait for it.' },
    mailbox: { type: 'object', properties: { messages: integer, bytes: integer } },
    usage: {
      type: 'object',
      properties: {
        fuelConsumed: decimal,
        executionTimeMs: { type: 'number' },
        waitingMs: { type: 'number' },
        memoryBytes: integer,
        messagesHandled: integer,
      },
    },
  },
  required: ['id', 'state', 'usage', 'mailbox', 'grants', 'restarts'],
};

export const LOAD = {
  type: 'object',
  properties: {
    source: { ...text, description: 'registry:ID, or an https: URL with #sha256= and a digest.' },
    digest: text,
    store: { type: 'string', enum: ['per-call', 'per-actor'] },
    metering: { type: 'string', enum: ['fuel', 'deadline'] },
    cancel: { type: 'string', enum: ['answer', 'turn'] },
    concurrency: integer,
    limits: LIMITS,
    grants: texts,
    env: { type: 'object', additionalProperties: text },
    args: texts,
    requests: { type: 'object', properties: { maxConcurrent: integer, maxQueued: integer } },
    mailbox: { type: 'object', properties: { maxMessages: integer, maxBytes: integer, overflow: text } },
    supervision: { type: 'object' },
  },
  required: ['source'],
  additionalProperties: false,
};

export const LOG_LINES = {
  type: 'array',
  items: { type: 'object', properties: { at: integer, channel: text, message: text } },
};

export const DEAD_LETTERS = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      at: integer,
      target: text,
      sender: text,
      reason: text,
      code: text,
      bytes: integer,
      payload: { ...text, description: 'The first 256 bytes, in base64.' },
    },
  },
};

export const ARTIFACTS = {
  type: 'object',
  properties: {
    entries: integer,
    bytes: integer,
    profiles: {
      type: 'array',
      items: {
        type: 'object',
        properties: { engineProfileId: text, own: { type: 'boolean' }, engine: text, entries: integer, bytes: integer },
      },
    },
    artifacts: { type: 'array', items: { type: 'object', properties: { engineProfileId: text, wasmDigest: text } } },
  },
};

export const MODULES = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      id: text,
      name: text,
      version: text,
      description: text,
      status: { type: 'string', enum: ['pending', 'verified', 'revoked'] },
      size: integer,
      interfaceHash: text,
      useCount: integer,
      lastUsedAt: integer,
    },
  },
};

export const ANY_BYTES = {};
