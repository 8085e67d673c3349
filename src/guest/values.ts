import type { ComponentId, Target, Value } from './types.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/** Encodes a value: bytes as they are, text as UTF-8, anything else as JSON. */
export function encodeValue(value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Decodes bytes without a content type: as JSON if they are JSON, else as text if they are UTF-8, else returns them unchanged. */
export function decodeValue(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = decodeUtf8(bytes);
  } catch {
    return bytes;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @throws {TypeError} if the text does not have three parts */
export function toComponentId(target: Target): ComponentId {
  if (typeof target !== 'string') return target;
  const [namespace, name, instance, ...rest] = target.split('/');
  if (namespace === undefined || name === undefined || instance === undefined || rest.length > 0) {
    throw new TypeError(`${target} is not a component id; write namespace/name/instance`);
  }
  return { namespace, name, instance };
}

export function formatId({ namespace, name, instance }: ComponentId): string {
  return `${namespace}/${name}/${instance}`;
}
