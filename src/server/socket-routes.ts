import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ComponentHandle } from '#core';
import type { SocketRouteSettings } from '#server/config';
import type { RequestHead } from './request-head.ts';
import { Routes, routesOf } from './routes.ts';

/** A request to upgrade, with the connection that it came by and what was read of it since. */
export type Connection = readonly [IncomingMessage, Duplex, Buffer];

/** What takes requests for WebSockets over, without a token. */
export interface SocketTaker {
  /** Whether there is a WebSocket at this place. */
  takes(head: RequestHead): boolean;
  /** Takes the connection over. Returns the response that refuses it, or undefined if it was taken. */
  open(head: RequestHead, connection: Connection): Response | undefined;
}

interface Place {
  readonly handle: ComponentHandle;
  readonly origins: ReadonlySet<string>;
}

/** Finds the actor of a WebSocket that anybody may open. */
export class SocketRoutes implements SocketTaker {
  readonly #routes: Routes<Place>;
  readonly #scheme: 'http' | 'https';
  readonly #open: (handle: ComponentHandle, connection: Connection) => void;

  /** @param open owns the socket from then on @throws {ServerError} `SERVER_INVALID_ROUTE` if two routes have the same place */
  constructor(
    settings: readonly SocketRouteSettings[],
    handles: ReadonlyMap<string, ComponentHandle>,
    scheme: 'http' | 'https',
    open: (handle: ComponentHandle, connection: Connection) => void,
  ) {
    this.#scheme = scheme;
    this.#open = open;
    this.#routes = new Routes(
      settings.flatMap(({ component, hosts, paths, origins }) => {
        const handle = handles.get(component);
        if (handle === undefined) return [];
        return routesOf({ hosts, paths }, { handle, origins: new Set(origins) });
      }),
    );
  }

  takes(head: RequestHead): boolean {
    return this.#find(head) !== undefined;
  }

  open(head: RequestHead, connection: Connection): Response | undefined {
    const place = this.#find(head);
    if (place === undefined) return new Response(null, { status: 404 });
    // A browser lets every page open a WebSocket to every server, with the cookies of that server, and says only whose page it is.
    const { origin } = connection[0].headers;
    const isOwn = origin === undefined || origin === `${this.#scheme}://${head.host}` || place.origins.has(origin);
    if (!isOwn) return new Response(null, { status: 403 });
    this.#open(place.handle, connection);
    return undefined;
  }

  #find(head: RequestHead): Place | undefined {
    const found = this.#routes.find(head);
    return found !== undefined && 'target' in found ? found.target : undefined;
  }
}
