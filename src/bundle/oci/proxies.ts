import { BlockList, isIP } from 'node:net';
import { allow } from '#core/options';
import { BundleError } from '../errors.ts';

/** The proxies of a machine, as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name them. */
export interface ProxyOptions {
  /** The proxy for `https:` registries. */
  readonly https?: string;
  /** The proxy for `http:` registries. */
  readonly http?: string;
  /**
   * Hosts that are reached without a proxy: domain names (with their subdomains), addresses and subnets, each
   * optionally with a port; `*` for all.
   */
  readonly none?: string;
}

export const PROXIES: allow.OptionRules<ProxyOptions> = { https: allow.text, http: allow.text, none: allow.text };

/** Reads the variables of an environment. Lower-case names take precedence, as in curl. */
export function proxiesOf(environment: Readonly<Record<string, string | undefined>>): ProxyOptions {
  const variable = (name: string) => environment[name.toLowerCase()] || environment[name] || undefined;
  const [https, http, none] = [variable('HTTPS_PROXY'), variable('HTTP_PROXY'), variable('NO_PROXY')];
  return { ...(https && { https }), ...(http && { http }), ...(none && { none }) };
}

/** Decides which proxy to use for a URL. */
export class Proxies {
  readonly #https: URL | undefined;
  readonly #http: URL | undefined;
  readonly #none: readonly string[];

  /** @throws {BundleError} `BUNDLE_INVALID_OPTION`, without the password that a proxy's URL may contain */
  constructor({ https, http, none = '' }: ProxyOptions = {}) {
    this.#https = proxyUrl(https, 'HTTPS_PROXY');
    this.#http = proxyUrl(http, 'HTTP_PROXY');
    this.#none = none.split(/[\s,]+/).filter((entry) => entry !== '');
  }

  for(url: URL): URL | undefined {
    const proxy = url.protocol === 'https:' ? this.#https : this.#http;
    return proxy === undefined || this.#none.some((entry) => covers(entry, url)) ? undefined : proxy;
  }
}

function proxyUrl(text: string | undefined, name: string): URL | undefined {
  if (text === undefined) return undefined;
  const full = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new BundleError('BUNDLE_INVALID_OPTION', `${name} is not a proxy; write it as http://host:port`);
}

function covers(entry: string, url: URL): boolean {
  if (entry === '*') return true;
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const [network, bits] = entry.split('/');
  if (bits !== undefined) return inSubnet(network as string, bits, host);
  const { name, port } = nameAndPort(entry.toLowerCase());
  const own = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (port !== undefined && port !== own) return false;
  const bare = name.replace(/^\*?\./, '');
  return host === bare || (isIP(host) === 0 && bare !== '' && host.endsWith(`.${bare}`));
}

function nameAndPort(entry: string): { readonly name: string; readonly port?: string } {
  if (isIP(entry) === 6) return { name: entry };
  const [, name = entry, port] = /^\[?([^\]]*?)\]?(?::(\d{1,5}))?$/.exec(entry) ?? [];
  return { name, ...(port !== undefined && { port }) };
}

function inSubnet(network: string, bits: string, host: string): boolean {
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits)) return false;
  const type = family === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  try {
    list.addSubnet(network, Number(bits), type);
  } catch {
    return false;
  }
  return list.check(host, type);
}
