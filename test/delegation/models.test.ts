import { describe, expect, it } from 'vitest';
import { HttpEmbedder, HttpModelProvider, LocalEmbedder } from '#delegation';
import { cosine } from '../../tools/registry/reference-find.ts';
import { jsonServer } from './json-server.ts';

const chat = (content: unknown) => ({
  body: JSON.stringify({
    choices: [{ message: { role: 'assistant', content } }],
    usage: { prompt_tokens: 3, completion_tokens: 4 },
  }),
});
const question = { model: 'small', messages: [{ role: 'user', content: 'hello' }] as const, maxTokens: 9 };
const quick = { retryDelayMs: 1, timeoutMs: 300_000 };

describe('HTTP model provider', () => {
  it('asks as an OpenAI-compatible client does', async () => {
    const { url, received } = await jsonServer(() => chat('hi'));
    const provider = new HttpModelProvider({ url: `${url}/`, apiKey: 'secret' });
    expect(await provider.complete(question)).toEqual({ text: 'hi', inputTokens: 3, outputTokens: 4 });
    expect(received).toMatchObject([
      {
        path: '/v1/chat/completions',
        headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
        body: { model: 'small', messages: [{ role: 'user', content: 'hello' }], max_tokens: 9, stream: false },
      },
    ]);
  });

  it.each([429, 500, 503])('asks again after a %d, and not for ever', async (status) => {
    const { url, received } = await jsonServer((_, attempt) =>
      attempt < 3 ? { status, body: '{}' } : chat('at last'),
    );
    expect((await new HttpModelProvider({ url, ...quick }).complete(question)).text).toBe('at last');
    const stubborn = await jsonServer(() => ({ status, body: 'busy' }));
    await expect(new HttpModelProvider({ url: stubborn.url, ...quick }).complete(question)).rejects.toMatchObject({
      code: 'DELEGATION_MODEL_UNAVAILABLE',
    });
    expect([received.length, stubborn.received.length]).toEqual([3, 3]);
  });

  it('asks once when it is refused, and does not repeat the key that the server echoes', async () => {
    const { url, received } = await jsonServer(({ headers }) => ({
      status: 401,
      body: `no: ${headers.authorization}`,
    }));
    const refused = new HttpModelProvider({ url, apiKey: 'sk-123', ...quick }).complete(question);
    await expect(refused).rejects.toMatchObject({ code: 'DELEGATION_MODEL_REFUSED', details: { status: 401 } });
    await refused.catch((error: Error) => expect(error.message).not.toContain('123'));
    expect(received).toHaveLength(1);
  });

  it('follows no redirect', async () => {
    const elsewhere = await jsonServer(() => chat('stolen'));
    const { url } = await jsonServer(() => ({
      status: 307,
      headers: { location: `${elsewhere.url}/chat/completions` },
      body: '',
    }));
    await expect(new HttpModelProvider({ url, retries: 0, ...quick }).complete(question)).rejects.toMatchObject({
      code: 'DELEGATION_MODEL_UNAVAILABLE',
    });
    expect(elsewhere.received).toHaveLength(0);
  });

  it.each([
    ['no JSON', { body: '<html>' }],
    ['no choices', { body: '{"choices":[]}' }],
    ['null', { body: 'null' }],
    ['no text', chat(7)],
    ['a prototype', { body: '{"__proto__":{"choices":[{"message":{"content":"x"}}]}}' }],
    ['10 MB', { body: JSON.stringify('x'.repeat(1e7)) }],
  ])('refuses a reply with %s', async (_, reply) => {
    const { url, received } = await jsonServer(() => reply);
    await expect(new HttpModelProvider({ url, ...quick }).complete(question)).rejects.toMatchObject({
      code: 'DELEGATION_INVALID_REPLY',
    });
    expect(received).toHaveLength(1);
  });

  it.each(['hang', 'cut'] as const)('gives up when the server does %s', async (way) => {
    const { url } = await jsonServer(() => way);
    const provider = new HttpModelProvider({ url, retries: 1, retryDelayMs: 1, timeoutMs: 100 });
    await expect(provider.complete(question)).rejects.toMatchObject({ code: 'DELEGATION_MODEL_UNAVAILABLE' });
  });

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const { url } = await jsonServer(() => {
      controller.abort(new Error('enough'));
      return 'hang';
    });
    await expect(new HttpModelProvider({ url }).complete(question, controller.signal)).rejects.toThrow('enough');
  });

  it.each(['ftp://example.com', 'not a url', 'http://user:pass@example.com/v1'])('refuses the URL %s', (url) => {
    expect(() => new HttpModelProvider({ url })).toThrow(expect.objectContaining({ code: 'DELEGATION_INVALID_URL' }));
  });

  it('sends no key in the clear to another machine', () => {
    const url = 'http://models.example.com/v1';
    expect(() => new HttpModelProvider({ url, apiKey: 'k' })).toThrow(
      expect.objectContaining({ code: 'DELEGATION_INVALID_URL' }),
    );
    expect(() => new HttpModelProvider({ url })).not.toThrow();
  });
});

describe('HTTP embedder', () => {
  it('gives the vector', async () => {
    const { url, received } = await jsonServer(() => ({ body: '{"data":[{"embedding":[1,-0.5]}]}' }));
    const embedder = new HttpEmbedder({ url, model: 'embed-1' });
    expect(await embedder.embed('hello')).toEqual(Float32Array.of(1, -0.5));
    expect(embedder.id).toBe('embed-1');
    expect(received).toMatchObject([{ path: '/v1/embeddings', body: { model: 'embed-1', input: 'hello' } }]);
  });

  it.each([
    '{}',
    'null',
    '{"data":[{"embedding":[]}]}',
    '{"data":[{"embedding":["1"]}]}',
    '{"data":[{"embedding":[1e999]}]}',
    '{"data":[{"embedding":{"length":3}}]}',
    `{"data":[{"embedding":[${'1,'.repeat(9_000)}1]}]}`,
  ])('refuses the reply %.40s', async (body) => {
    const { url } = await jsonServer(() => ({ body }));
    await expect(new HttpEmbedder({ url, model: 'm' }).embed('x')).rejects.toMatchObject({
      code: 'DELEGATION_INVALID_REPLY',
    });
  });
});

describe('local embedder', () => {
  it('puts a paraphrase nearer than another subject, and the same text in the same place', async () => {
    const embedder = new LocalEmbedder();
    const [text, again, paraphrase, other] = await Promise.all(
      ['How old are you?', 'How old are you?', 'What is your age?', 'The train leaves from platform four.'].map((one) =>
        embedder.embed(one),
      ),
    );
    expect(text).toHaveLength(512);
    expect(again).toEqual(text);
    expect(cosine(text!, paraphrase!)).toBeGreaterThan(cosine(text!, other!) + 0.2);
  });
});
