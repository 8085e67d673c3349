import { CoreError } from '#core/errors';
import { shownValue } from '#core/text';

/** The address of a component: `namespace/name/instance`. */
export interface ComponentId {
  readonly namespace: string;
  readonly name: string;
  readonly instance: string;
}

/** Only ASCII, so that no lookalike, `..`, percent-encoding or path separator can name another component. */
const PART = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** The longest text that is parsed: three parts of 63 characters and two slashes. */
const MAX_TEXT = 3 * 63 + 2;

/** The sender of the embedder's messages. The namespace `vivarium` is reserved for it. */
export const HOST_ID: ComponentId = Object.freeze({ namespace: 'vivarium', name: 'host', instance: '0' });

/** Parses `namespace/name/instance`. @throws {CoreError} `CORE_INVALID_ID` */
export function parseComponentId(text: string): ComponentId {
  const parts = typeof text !== 'string' || text.length > MAX_TEXT ? [] : text.split('/');
  const [namespace, name, instance] = parts;
  if (parts.length !== 3 || !isPart(namespace) || !isPart(name) || !isPart(instance)) throw invalid(text);
  return Object.freeze({ namespace, name, instance });
}

/** Checks an id that is a record, for example from a guest. @throws {CoreError} `CORE_INVALID_ID` */
export function checkComponentId(id: ComponentId): ComponentId {
  if (!isPart(id.namespace) || !isPart(id.name) || !isPart(id.instance)) {
    throw invalid([id.namespace, id.name, id.instance].map(textOf).join('/'));
  }
  return id;
}

/** Formats an id as text, which is also its key in maps. */
export function formatComponentId(id: ComponentId): string {
  return `${id.namespace}/${id.name}/${id.instance}`;
}

/** Whether the id is in the namespace that only the host may use. */
export function isReservedId(id: ComponentId): boolean {
  return id.namespace === HOST_ID.namespace;
}

function isPart(part: string | undefined): part is string {
  return typeof part === 'string' && PART.test(part);
}

function textOf(part: unknown): string {
  return typeof part === 'string' ? part.slice(0, 64) : shownValue(part);
}

function invalid(text: unknown): CoreError {
  return new CoreError(
    'CORE_INVALID_ID',
    `${shownValue(text)} is not a component id; write namespace/name/instance, each part matching [a-z0-9][a-z0-9._-]{0,62}`,
  );
}
