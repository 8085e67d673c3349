import type { ModelProvider, ModelReply, ModelRequest } from '#core/ports/registry';
import { type EndpointOptions, invalidReply, JsonEndpoint } from './json-endpoint.ts';

/** A model behind an OpenAI-compatible `POST <url>/chat/completions`. */
export class HttpModelProvider implements ModelProvider {
  readonly #endpoint: JsonEndpoint;

  /** @throws {DelegationError} `DELEGATION_INVALID_URL` */
  constructor(options: EndpointOptions) {
    this.#endpoint = new JsonEndpoint(options);
  }

  /** @throws {DelegationError} `DELEGATION_MODEL_UNAVAILABLE`, `DELEGATION_MODEL_REFUSED`, `DELEGATION_INVALID_REPLY` */
  async complete(request: ModelRequest, signal?: AbortSignal): Promise<ModelReply> {
    const { model, messages, maxTokens, temperature } = request;
    const body = { model, messages, max_tokens: maxTokens, temperature, stream: false };
    const reply = await this.#endpoint.post('/chat/completions', body, signal);
    const choice = field(reply, 'choices');
    const text = field(field(Array.isArray(choice) ? choice[0] : undefined, 'message'), 'content');
    if (typeof text !== 'string') throw invalidReply('choices[0].message.content is not a text');
    const usage = field(reply, 'usage');
    return { text, inputTokens: count(usage, 'prompt_tokens'), outputTokens: count(usage, 'completion_tokens') };
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function count(usage: unknown, name: string): number | undefined {
  const value = field(usage, name);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
