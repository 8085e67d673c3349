import { canonicalAddress } from './ip-address.ts';

/**
 * The target of a connection, `scheme://host:port`. The host is in lower case, an address in its canonical spelling.
 */
export interface Endpoint {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly isAddress: boolean;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };
const SCHEMES = new Set(['http', 'https', 'tcp', 'udp']);
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** These segments keep names and addresses apart: only the host pattern `**` matches both. */
const NAME = 'name';
const ADDRESS = 'address';

/** Parses `scheme://host[:port]`, or returns undefined. A name must be in its ASCII form. */
export function parseEndpoint(text: string, leastPort = 1): Endpoint | undefined {
  const parts = split(text);
  if (parts === undefined || !SCHEMES.has(parts.scheme)) return undefined;
  const port = parts.port === undefined ? DEFAULT_PORTS[parts.scheme] : parsePort(parts.port, leastPort);
  if (port === undefined) return undefined;
  const address = canonicalAddress(parts.host);
  if (address !== undefined) return { scheme: parts.scheme, host: address, port, isAddress: true };
  const labels = parts.host.split('.');
  if (parts.host.length > 253 || !labels.every((label) => LABEL.test(label)) || endsInNumber(labels)) return undefined;
  return { scheme: parts.scheme, host: parts.host, port, isAddress: false };
}

/** Formats an endpoint, always with its port, as errors and the audit log show it. */
export function formatEndpoint({ scheme, host, port }: Pick<Endpoint, 'scheme' | 'host' | 'port'>): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Returns the segments that patterns match: scheme, port, kind of host, then the labels of the name from the top, or
 * the address.
 */
export function endpointSegments({ scheme, host, port, isAddress }: Endpoint): readonly string[] {
  return [scheme, String(port), ...(isAddress ? [ADDRESS, host] : [NAME, ...host.split('.').toReversed()])];
}

export interface EndpointPattern {
  readonly segments: readonly string[];
  readonly text: string;
  /** Whether the pattern names an address. Only such patterns cover addresses that are not public. */
  readonly namesAddress: boolean;
}

/**
 * Parses a pattern: `scheme://host:port`, where each part may be `*` and labels of the host may be `*` or `**`; or `**`
 * alone. Returns undefined for other texts.
 */
export function parseEndpointPattern(text: string): EndpointPattern | undefined {
  if (text === '**') return { segments: ['**'], text, namesAddress: false };
  const parts = split(text);
  if (parts === undefined || !(parts.scheme === '*' || SCHEMES.has(parts.scheme))) return undefined;
  const port = parts.port === '*' ? '*' : portText(parts);
  if (port === undefined) return undefined;
  const address = canonicalAddress(parts.host);
  if (address !== undefined) {
    const shown = address.includes(':') ? `[${address}]` : address;
    const segments = [parts.scheme, port, ADDRESS, address];
    return { segments, text: `${parts.scheme}://${shown}:${port}`, namesAddress: true };
  }
  const labels = parts.host.split('.');
  const wild = (label: string) => label === '*' || label === '**';
  if (parts.host.length > 253 || !labels.every((label) => wild(label) || LABEL.test(label))) return undefined;
  // `1.2.3.*` looks like a range of addresses and `example.*` like a family of sites, but they would match neither.
  if (endsInNumber(labels) || (wild(labels.at(-1) ?? '') && !labels.every(wild))) return undefined;
  const anyHost = parts.host === '**';
  const segments = [parts.scheme, port, ...(anyHost ? ['**'] : [NAME, ...labels.toReversed()])];
  return { segments, text: `${parts.scheme}://${parts.host}:${port}`, namesAddress: false };
}

function split(text: string): { scheme: string; host: string; port: string | undefined } | undefined {
  const [, scheme, host, port] =
    /^([a-z]{1,8}|\*):\/\/(\[[^\]/]{1,60}\]|[^:/?#@[\]\\]{1,254})(?::(\d{1,5}|\*))?$/i.exec(text) ?? [];
  if (scheme === undefined || host === undefined) return undefined;
  return { scheme: scheme.toLowerCase(), host: host.toLowerCase().replace(/(?<=[^.])\.$/, ''), port };
}

function portText({ scheme, port }: { scheme: string; port: string | undefined }): string | undefined {
  const number = port === undefined ? DEFAULT_PORTS[scheme] : parsePort(port);
  return number === undefined ? undefined : String(number);
}

function parsePort(text: string, least = 1): number | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port >= least && port <= 65_535 ? port : undefined;
}

/** Whether the URL standard reads the host as an IPv4 address. As a name it could mean two things to two readers. */
function endsInNumber(labels: readonly string[]): boolean {
  return /^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '');
}
