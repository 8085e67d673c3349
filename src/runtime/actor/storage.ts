import { isVivariumError } from '#core/errors';
import { Quota } from '#core/limits';
import type { Action } from '#core/ports/authority';
import type { Answered, KeyValueNamespace } from '#core/ports/storage';
import type { HostLinker, HostState } from '#runtime/host';

/** A key may have this many bytes of UTF-8. */
const MAX_KEY_BYTES = 1_024;
/** The most operations of a store that may be under way: a back end that answers later keeps the value of each until then. */
const MAX_AT_ONCE = 16;
/** The host lists at most this many keys, because a host call must not do much work for little fuel. */
const MAX_LISTED = 10_000;

/** Defines `storage`: the component's own namespace of bytes by key, up to its quota. */
export function registerStorageFunctions(linker: HostLinker, quotaBytes: number): void {
  const places = new WeakMap<HostState, Quota>();
  /** Runs an operation in one of the places of its store. */
  const attempt = <T, R = T>(caller: HostState, operation: () => Answered<T>, answer?: (said: T) => R): Answered<R> => {
    const own = places.get(caller) ?? new Quota(MAX_AT_ONCE);
    places.set(caller, own);
    if (!own.take(1)) throw { tag: 'io-error', val: `${MAX_AT_ONCE} operations of the storage are under way already` };
    let said: Answered<R>;
    try {
      said = answered(operation, answer);
    } catch (thrown) {
      own.giveBack(1);
      throw thrown;
    }
    if (said instanceof Promise) return said.finally(() => own.giveBack(1));
    own.giveBack(1);
    return said;
  };
  const opened = (caller: HostState, action: Action<'storage'>, key: string): KeyValueNamespace => {
    checkKey(key);
    caller.context.authority.check('storage', action, key);
    return caller.storage();
  };

  const functions = {
    get: (caller: HostState, key: string) => attempt(caller, () => opened(caller, 'read', key).get(key)),
    set: (caller: HostState, key: string, value: Uint8Array) =>
      attempt(
        caller,
        () => opened(caller, 'write', key).set(key, value, quotaBytes),
        (stored) => {
          if (!stored) throw { tag: 'quota-exceeded', val: `the component may store ${quotaBytes} bytes` };
        },
      ),
    delete: (caller: HostState, key: string) => attempt(caller, () => opened(caller, 'delete', key).delete(key)),
    exists: (caller: HostState, key: string) =>
      attempt(
        caller,
        () => opened(caller, 'read', key).get(key),
        (value) => value !== undefined,
      ),
    /** Lists the keys that the component may read. */
    listKeys(caller: HostState, prefix: string): Answered<readonly string[]> {
      return attempt(
        caller,
        () => caller.storage().list(prefix, MAX_LISTED + 1),
        (keys) => {
          if (keys.length > MAX_LISTED)
            throw { tag: 'io-error', val: `more than ${MAX_LISTED} keys; give a longer prefix` };
          return keys.filter((key) => caller.context.authority.allows('storage', 'read', key));
        },
      );
    },
    usage: (caller: HostState) =>
      attempt(
        caller,
        () => caller.storage().usage(),
        ({ bytes, keys }) => ({
          bytesUsed: BigInt(bytes),
          quotaBytes: BigInt(quotaBytes),
          keyCount: BigInt(keys),
        }),
      ),
  };
  // The functions are the same: those that are asynchronous in 0.2.0 answer promises in both, if they have to wait.
  linker.define('vivarium:actor/storage@0.1.0', functions);
  linker.define('vivarium:actor/storage@0.2.0', functions);
}

function checkKey(key: string): void {
  if (key.length === 0 || Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw { tag: 'invalid-key', val: `a key has 1 to ${MAX_KEY_BYTES} bytes` };
  }
}

/**
 * Runs a storage operation. A refusal or a failure of the back end becomes an error case for the guest, and does not end its store.
 * @param answer turns what the back end returned, at once or later, into the guest's answer
 */
function answered<T, R = T>(
  operation: () => Answered<T>,
  answer: (said: T) => R = (said) => said as unknown as R,
): Answered<R> {
  try {
    const said = operation();
    if (!(said instanceof Promise)) return answer(said);
    return said.then(answer).catch((thrown: unknown) => {
      throw told(thrown);
    });
  } catch (thrown) {
    throw told(thrown);
  }
}

function told(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  if (isVivariumError(thrown, 'SECURITY_PERMISSION_DENIED')) return { tag: 'permission-denied', val: thrown.message };
  return { tag: 'io-error', val: 'the storage back end failed' };
}
