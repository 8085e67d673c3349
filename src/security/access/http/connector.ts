import { connect, isIP, isIPv6, type LookupFunction, type Socket } from 'node:net';
import type { Clock } from '#core/ports/clock';
import type { Admission } from '../network-guard.ts';
import type { Ending } from './ending.ts';
import { Failure, failed } from './failure.ts';

/** Makes a connection to an admitted address. TLS checks the certificate against the name, whose addresses were admitted before. */
export async function connected(
  { endpoint, addresses }: Admission,
  url: URL,
  ending: Ending,
  { connectMs, clock }: { readonly connectMs: number; readonly clock: Pick<Clock, 'after'> },
): Promise<Socket> {
  const { host, port, scheme } = endpoint;
  const isSecure = scheme === 'https';
  const options = { host, port, lookup: pinned(addresses), noDelay: true };
  const secure = { ...options, servername: isIP(host) === 0 ? host : '', ALPNProtocols: ['http/1.1'] };
  // Imported on first use, because most runtimes make no request and TLS takes a good part of the start time.
  const tls = isSecure ? await import('node:tls') : undefined;
  return new Promise((resolve, reject) => {
    if (ending.ended) {
      reject(failed(url, ending.reason));
      return;
    }
    const socket = tls === undefined ? connect(options) : tls.connect(secure);
    const done = (): void => {
      stopTimer();
      ending.listen(undefined);
      socket.off('close', onClose);
    };
    let failure: unknown;
    // The caller counts connections, so it is told of the failure once the socket is closed. An error that comes later finds
    // this listener too, since one without a listener would end the process.
    const fail = (cause: unknown): void => {
      failure ??= cause;
      socket.destroy();
    };
    const onClose = (): void => {
      done();
      reject(failed(url, failure ?? new Failure('ECONNRESET', 'the connection ended before a request')));
    };
    const stopTimer = clock.after(connectMs, () => fail(new Failure('ETIMEDOUT', `no connection in ${connectMs} ms`)));
    socket.on('error', fail).on('close', onClose);
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      done();
      resolve(socket);
    });
    ending.listen(fail);
  });
}

/** Returns a look-up function that answers the admitted addresses for every name. */
export function pinned(addresses: readonly string[]): LookupFunction {
  return (_name, options, callback) => {
    const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
    if (options.all) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
}
