import pRetry, { AbortError } from 'p-retry';
import { messageOf } from '#core/errors';
import { allow, checkOptions } from '#core/options';
import { parseForeignJson, shownText } from '#core/text';
import { DelegationError } from '../errors.ts';

export interface EndpointOptions {
  /** The base URL of the API, for example `http://127.0.0.1:8080/v1`. */
  readonly url: string;
  /** A bearer token, which is sent only over https or to this machine. */
  readonly apiKey?: string | undefined;
  /** Milliseconds for each attempt; 60,000 by default. */
  readonly timeoutMs?: number | undefined;
  /** The most bytes of a reply that are read; 4 MiB by default. */
  readonly maxReplyBytes?: number | undefined;
  /** The attempts after the first one when the server is busy or unreachable; 2 by default. */
  readonly retries?: number | undefined;
  /** Milliseconds before the second attempt, doubled before each later one; 500 by default. */
  readonly retryDelayMs?: number | undefined;
}

/** A reply with embeddings contains a number for each dimension of each text. */
const MAX_ITEMS = 1_000_000;

export const ENDPOINT: allow.OptionRules<EndpointOptions> = {
  url: allow.text,
  apiKey: allow.secret('a key'),
  timeoutMs: allow.period,
  maxReplyBytes: allow.wholeNumber(1),
  retries: allow.wholeNumber(0),
  retryDelayMs: allow.milliseconds,
};
const RULE = allow.required(ENDPOINT, 'url');

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Posts JSON and reads JSON. Neither the size nor the shape of a reply is trusted. */
export class JsonEndpoint {
  readonly #base: string;
  readonly #options: EndpointOptions;

  /** @throws {DelegationError} `DELEGATION_INVALID_URL`; {CoreError} `CORE_INVALID_OPTION` */
  constructor(options: EndpointOptions) {
    checkOptions(options ?? null, RULE);
    const url = URL.parse(options.url);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '') {
      throw invalidUrl('the model endpoint must be an http: or https: URL without a user name in it');
    }
    if (options.apiKey !== undefined && url.protocol === 'http:' && !LOOPBACK.has(url.hostname)) {
      throw invalidUrl(`an API key is not sent to ${url.host} in the clear; use https`);
    }
    this.#base = withoutLastSlashes(url.href);
    this.#options = options;
  }

  /** @throws {DelegationError} `DELEGATION_MODEL_UNAVAILABLE`, `DELEGATION_MODEL_REFUSED`, `DELEGATION_INVALID_REPLY` */
  async post(path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    const attempt = async (): Promise<unknown> => {
      try {
        return await this.#once(path, body, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof DelegationError && error.code === 'DELEGATION_MODEL_UNAVAILABLE') throw error;
        throw new AbortError(error instanceof Error ? error : new Error(String(error)));
      }
    };
    return pRetry(attempt, {
      retries: this.#options.retries ?? 2,
      minTimeout: this.#options.retryDelayMs ?? 500,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #once(path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? 60_000);
    const { apiKey } = this.#options;
    let status: number;
    let text: string;
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        body: JSON.stringify(body),
        // A redirect would carry the question, and with some clients the key, to another host.
        redirect: 'error',
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      status = response.status;
      text = await readCapped(response, this.#options.maxReplyBytes ?? 4 * 2 ** 20);
    } catch (cause) {
      if (cause instanceof DelegationError) throw cause;
      throw new DelegationError(
        'DELEGATION_MODEL_UNAVAILABLE',
        `the model endpoint did not answer: ${reasonOf(cause)}`,
        {
          cause,
        },
      );
    }
    if (status === 429 || status >= 500) throw refused('DELEGATION_MODEL_UNAVAILABLE', status, text);
    if (status !== 200) throw refused('DELEGATION_MODEL_REFUSED', status, text);
    try {
      return parseForeignJson(text, { maxLength: text.length, maxItems: MAX_ITEMS });
    } catch (cause) {
      throw invalidReply('it is not JSON', cause);
    }
  }
}

export function invalidReply(why: string, cause?: unknown): DelegationError {
  return new DelegationError(
    'DELEGATION_INVALID_REPLY',
    `the model endpoint's reply cannot be used: ${why}; check that its URL is that of an OpenAI-compatible API`,
    { cause },
  );
}

async function readCapped(response: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > most) throw invalidReply(`it is longer than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function withoutLastSlashes(address: string): string {
  let end = address.length;
  while (address[end - 1] === '/') end--;
  return address.slice(0, end);
}

function refused(code: 'DELEGATION_MODEL_UNAVAILABLE' | 'DELEGATION_MODEL_REFUSED', status: number, text: string) {
  // A server may repeat what it was sent, including the key.
  const shown = shownText(text, 200).replaceAll(/Bearer [^"\s\\]+|sk-[\w-]+/g, '…');
  return new DelegationError(code, `the model endpoint answered ${status}: ${shown}`, { details: { status } });
}

function invalidUrl(message: string): DelegationError {
  return new DelegationError('DELEGATION_INVALID_URL', message);
}

/** Returns the reason, which fetch hides in the cause of its error. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}
