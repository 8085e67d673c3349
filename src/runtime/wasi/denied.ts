import { RuntimeError } from '../errors.ts';
import type { HostLinker } from '../host-linker.ts';

/** Interfaces that a component may import and that nothing stands behind until it is granted something. */
const DENIED: Readonly<Record<string, readonly string[]>> = {
  'wasi:filesystem/types@0.2.0': ['Descriptor', 'DirectoryEntryStream'],
  'wasi:sockets/network@0.2.0': ['Network'],
  'wasi:sockets/tcp@0.2.0': ['TcpSocket'],
  'wasi:sockets/udp@0.2.0': ['UdpSocket', 'IncomingDatagramStream', 'OutgoingDatagramStream'],
  'wasi:sockets/ip-name-lookup@0.2.0': ['ResolveAddressStream'],
  'wasi:http/types@0.2.0': [
    'Fields',
    'FutureIncomingResponse',
    'FutureTrailers',
    'IncomingBody',
    'IncomingRequest',
    'IncomingResponse',
    'OutgoingBody',
    'OutgoingRequest',
    'OutgoingResponse',
    'RequestOptions',
    'ResponseOutparam',
  ],
};

/**
 * Files, sockets and HTTP for a component that was granted none: no folder is open, every attempt to make a socket or
 * to look up a name answers `access-denied`, and a use of a resource that cannot exist ends the store.
 */
export function defineDenied(linker: HostLinker): void {
  const refuse = (): never => {
    throw 'access-denied';
  };
  const functions: Readonly<Record<string, Readonly<Record<string, () => unknown>>>> = {
    'wasi:filesystem/types@0.2.0': { filesystemErrorCode: () => undefined },
    'wasi:http/types@0.2.0': { httpErrorCode: () => undefined },
  };
  for (const [name, resources] of Object.entries(DENIED)) {
    const classes = resources.map((resource) => [resource, unavailable(`${name}#${resource}`)]);
    linker.define(name, { ...Object.fromEntries(classes), ...functions[name] });
  }
  linker.define('wasi:filesystem/preopens@0.2.0', { getDirectories: () => [] });
  linker.define('wasi:sockets/tcp-create-socket@0.2.0', { createTcpSocket: refuse });
  linker.define('wasi:sockets/udp-create-socket@0.2.0', { createUdpSocket: refuse });
  linker.define('wasi:sockets/instance-network@0.2.0', {
    instanceNetwork: unavailableCall('wasi:sockets/instance-network'),
  });
  linker.define('wasi:http/outgoing-handler@0.2.0', {
    handle: () => {
      throw { tag: 'HTTP-request-denied' };
    },
  });
}

/** A resource class whose every method, static or not, ends the store. */
function unavailable(name: string): unknown {
  const call = unavailableCall(name);
  const members = new Proxy(Object.create(null), {
    get: (_, key) => (typeof key === 'symbol' ? undefined : call),
    has: (_, key) => typeof key === 'string',
  });
  const resource = Object.setPrototypeOf(() => call(), members);
  return Object.defineProperty(
    function Unavailable() {
      return resource();
    },
    'prototype',
    { value: Object.create(members) },
  );
}

function unavailableCall(name: string): () => never {
  return () => {
    throw new RuntimeError('RUNTIME_TRAP', `${name} was used, but the component was granted nothing of the kind`);
  };
}
