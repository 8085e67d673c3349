// A service of wasi:http@0.3 by the asynchronous runtime of componentize-qjs: /upper answers its body in capital letters, piece by piece.
import { Fields, Request, Response } from 'wasi:http/types@0.3.2';

export const handler = {
  async handle(request) {
    const path = request.getPathWithQuery();
    if (path === '/upper') {
      const [body] = Request.consumeBody(request, Promise.resolve({ tag: 'ok' }));
      return answer(200, upper(body));
    }
    return path === '/hello' ? answer(200, said('hello')) : answer(404, said(''));
  },
};

async function* upper(body) {
  for await (const piece of body) yield piece.map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte));
}

async function* said(text) {
  yield Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function answer(status, contents) {
  const [response] = Response.new(new Fields(), contents, Promise.resolve({ tag: 'ok', val: null }));
  response.setStatusCode(status);
  return response;
}
