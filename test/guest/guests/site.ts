import { storage } from 'vivarium/guest';

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case '/echo':
        return new Response(await request.bytes(), { status: 202, headers: request.headers });
      case '/throws':
        throw new RangeError('too far');
      case '/nothing':
        return undefined as never;
      case '/waits':
        await new Promise((resolve) => setTimeout(resolve, 5));
        return new Response('waited');
      case '/count': {
        const seen = Number(new TextDecoder().decode(storage.get('seen') ?? new Uint8Array()) || 0) + 1;
        storage.set('seen', new TextEncoder().encode(String(seen)));
        return Response.json({ seen });
      }
      case '/moved':
        return Response.redirect(new URL('/there', request.url), 308);
      case '/random':
        return Response.json(Math.random());
      case '/connection':
        return new Response('', { headers: { connection: 'close', 'transfer-encoding': 'chunked', 'x-kept': 'yes' } });
      default:
        return Response.json({ method: request.method, url: request.url, name: searchParams.get('name') });
    }
  },
};
