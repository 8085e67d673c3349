import type { SpanAttributes } from '#core/ports/tracing';

/** How many characters of a guest's text a span holds. */
export const MOST_OF_TEXT = 256;

/** What a call is about: where a message goes, the path of a file, the other side of a connection. The guest wrote it all. */
export function attributesOf(base: string, args: readonly unknown[]): SpanAttributes {
  if (base === 'vivarium:actor/host-messaging') return attributesOfMessage(args[0]);
  if (base === 'wasi:filesystem/types') return attributeOfText('file.path', args);
  if (base === 'wasi:sockets/ip-name-lookup') return attributeOfText('dns.question.name', args);
  return base.startsWith('wasi:sockets/') ? attributesOfAddress(args) : {};
}

function attributeOfText(name: string, args: readonly unknown[]): SpanAttributes {
  const given = args.find((arg) => typeof arg === 'string');
  return given === undefined ? {} : { [name]: given.slice(0, MOST_OF_TEXT) };
}

/** A message goes to an id or a topic. */
function attributesOfMessage(first: unknown): SpanAttributes {
  const attributes = { 'messaging.system': 'vivarium' };
  if (typeof first === 'string') return { ...attributes, 'messaging.destination.name': first.slice(0, MOST_OF_TEXT) };
  if (typeof first !== 'object' || first === null || !('namespace' in first)) return attributes;
  const { namespace, name, instance } = first as Readonly<Record<string, unknown>>;
  return { ...attributes, 'messaging.destination.name': `${namespace}/${name}/${instance}`.slice(0, MOST_OF_TEXT) };
}

/** An address is the variant `ip-socket-address` of `wasi:sockets`. */
function attributesOfAddress(args: readonly unknown[]): SpanAttributes {
  for (const arg of args) {
    if (typeof arg !== 'object' || arg === null || !('tag' in arg) || !('val' in arg)) continue;
    const { port, address } = arg.val as { readonly port: number; readonly address: readonly number[] };
    const text = arg.tag === 'ipv4' ? address.join('.') : address.map((part) => part.toString(16)).join(':');
    return { 'network.peer.address': text, 'network.peer.port': port };
  }
  return {};
}
