import { allow, checkOptions } from '#core/options';
import type { Embedder } from '#core/ports/registry';
import { ENDPOINT, type EndpointOptions, invalidReply, JsonEndpoint } from './json-endpoint.ts';

export interface HttpEmbedderOptions extends EndpointOptions {
  readonly model: string;
}

const EMBEDDER: allow.OptionRules<HttpEmbedderOptions> = { ...ENDPOINT, model: allow.text };
const RULE = allow.required(EMBEDDER, 'url', 'model');

const MAX_DIMENSIONS = 8_192;

/** An embedding model behind an OpenAI-compatible `POST <url>/embeddings`. */
export class HttpEmbedder implements Embedder {
  /** The model's name. A server that replaces the model under the same name makes an index useless. */
  readonly id: string;
  readonly #endpoint: JsonEndpoint;
  readonly #model: string;

  /** @throws {DelegationError} `DELEGATION_INVALID_URL`; {CoreError} `CORE_INVALID_OPTION` */
  constructor(options: HttpEmbedderOptions) {
    checkOptions(options ?? null, RULE);
    const { model, ...endpoint } = options;
    this.#endpoint = new JsonEndpoint(endpoint);
    this.#model = model;
    this.id = model;
  }

  /** @throws {DelegationError} `DELEGATION_MODEL_UNAVAILABLE`, `DELEGATION_MODEL_REFUSED`, `DELEGATION_INVALID_REPLY` */
  async embed(text: string, signal?: AbortSignal): Promise<Float32Array> {
    const body = { model: this.#model, input: text, encoding_format: 'float' };
    const reply = await this.#endpoint.post('/embeddings', body, signal);
    const vector = (reply as { data?: { embedding?: unknown }[] } | null)?.data?.[0]?.embedding;
    if (!Array.isArray(vector) || vector.length === 0 || vector.length > MAX_DIMENSIONS) {
      throw invalidReply(`data[0].embedding is not a list of 1 to ${MAX_DIMENSIONS} numbers`);
    }
    if (!vector.every((value) => typeof value === 'number' && Number.isFinite(value))) {
      throw invalidReply('data[0].embedding holds something else than numbers');
    }
    return Float32Array.from(vector);
  }
}
