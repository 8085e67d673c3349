export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `127.0.0.1:8080`, `[::1]:8080` or `:8080`, which is the loopback address. @throws for other text */
export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(colon, 0));
  const port = text.slice(colon + 1);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new Error('give HOST:PORT, as 127.0.0.1:8080');
  const isBracketed = host.startsWith('[') && host.endsWith(']');
  return { host: host === '' ? '127.0.0.1' : isBracketed ? host.slice(1, -1) : host, port: Number(port) };
}
