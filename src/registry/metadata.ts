import { allow, checkOptions } from '#core/options';
import { shownText, UNSAFE_CHARACTERS } from '#core/text';
import { RegistryError } from './errors.ts';

/** A publisher's description of a module. */
export interface ModuleMetadata {
  /** 1 to 128 characters. */
  readonly name: string;
  /** A semantic version such as `1.2.3` or `1.2.3-beta.1`. */
  readonly version: string;
  /** What the module does, for people and embedders; at most 4,096 characters. */
  readonly description: string;
  /** The storage pointer of the module that this one replaces, which must have the same name and interface hash. */
  readonly supersedes?: string | undefined;
  /**
   * The meaning of the task as a vector. Without one, the publisher's embedder, if it has one, embeds the description.
   */
  readonly embedding?: Float32Array | undefined;
  /** The id of the embedder that made `embedding`; required together with it. */
  readonly embedderId?: string | undefined;
}

const METADATA: allow.OptionRules<ModuleMetadata> = {
  name: allow.anything,
  version: allow.anything,
  description: allow.anything,
  supersedes: allow.text,
  embedding: allow.rule('a Float32Array', (value) => value instanceof Float32Array),
  embedderId: allow.anything,
};
const RULE = allow.options(METADATA);

const MAX_NAME = 128;
const MAX_DESCRIPTION = 4_096;
const MAX_VERSION = 64;
const MAX_EMBEDDER_ID = 128;
const VERSION = /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.-]{1,30})?(?:\+[0-9A-Za-z.-]{1,30})?$/;

/** Returns why a text is not valid for the field, or undefined when it is valid. */
export function refusalOf(
  field: 'name' | 'version' | 'description' | 'embedderId',
  value: unknown,
): string | undefined {
  if (typeof value !== 'string') return `${field} is not a text`;
  const most = { name: MAX_NAME, version: MAX_VERSION, description: MAX_DESCRIPTION, embedderId: MAX_EMBEDDER_ID }[
    field
  ];
  if (value.length > most) return `${field} has ${value.length} characters, more than ${most}`;
  if (!value.isWellFormed()) return `${field} holds half a surrogate pair`;
  if (field !== 'description' && value.trim() === '') return `${field} is empty`;
  if ((field === 'description' ? value.replaceAll(/[\n\t]/g, '') : value).search(UNSAFE_CHARACTERS) >= 0) {
    return `${field} holds control or direction characters`;
  }
  if (field === 'version' && !VERSION.test(value)) return `version ${shownText(value)} is not like 1.2.3`;
  return undefined;
}

/** @throws {RegistryError} `REGISTRY_INVALID_METADATA` */
export function checkMetadata(metadata: ModuleMetadata): void {
  checkOptions(metadata ?? null, RULE, 'metadata', invalid);
  for (const field of ['name', 'version', 'description'] as const) {
    const refusal = refusalOf(field, metadata[field]);
    if (refusal !== undefined) throw invalid(refusal);
  }
  if ((metadata.embedding === undefined) !== (metadata.embedderId === undefined)) {
    throw invalid('embedding and embedderId belong together; give both or neither');
  }
  const refusal = metadata.embedderId === undefined ? undefined : refusalOf('embedderId', metadata.embedderId);
  if (refusal !== undefined) throw invalid(refusal);
}

function invalid(reason: string): RegistryError {
  return new RegistryError('REGISTRY_INVALID_METADATA', `${reason}; nothing was published`);
}
