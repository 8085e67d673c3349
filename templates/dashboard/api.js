// The management API as the page uses it. The token is kept in this tab, and never in a URL.

const KEY = 'vivarium-token';

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

/** An error of the API, with its status. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Sends a request. Its error has the text of the problem that the server answers. */
export async function call(path, init = {}) {
  const headers = { ...init.headers, authorization: `Bearer ${token.get()}` };
  const response = await fetch(path, { ...init, headers, cache: 'no-store' });
  if (response.ok) return response;
  const text = await response.text();
  let detail = text;
  try {
    const { code, detail: said } = JSON.parse(text);
    detail = code === undefined ? said : `${code}: ${said}`;
  } catch {
    // The answer is not a problem of the API; its text has to do.
  }
  throw new ApiError(response.status, `${response.status} ${detail}`);
}

/** Calls `take` with each event of a stream of server-sent events, until the stream ends. */
export async function events(path, signal, take) {
  const response = await call(path, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split('\n\n');
    text = parts.pop();
    for (const part of parts) {
      const data = part
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice('data: '.length));
      if (data.length > 0) take(JSON.parse(data.join('\n')));
    }
  }
}

/** The path of a component in the API. */
export function pathOf(id) {
  return `/-/v1/components/${id.split('/').map(encodeURIComponent).join('/')}`;
}
