import type { HostCaller } from '#runtime/host';
import { RuntimeError } from '../errors.ts';
import { execution } from './execution.ts';

type Class = abstract new (...args: never[]) => unknown;

/**
 * Makes a function for `load({ imports })` that is given its caller before the guest's arguments. It also makes methods of
 * resources, and classes of resources, whose constructor is given the caller.
 * @throws `RUNTIME_WRONG_STATE` when the made function is called and no component called it
 */
export function hostFunction<A extends readonly unknown[], T, This = unknown>(
  call: (this: This, caller: HostCaller, ...args: A) => T,
): (this: This, ...args: A) => T;
export function hostFunction<A extends readonly unknown[], T extends object>(
  made: new (caller: HostCaller, ...args: A) => T,
): new (
  ...args: A
) => T;
export function hostFunction(call: object): unknown {
  return new Proxy(call as Class & (() => unknown), {
    apply: (target, self, args) => Reflect.apply(target, self, [callerNow(), ...args]),
    construct: (target, args, made) => Reflect.construct(target, [callerNow(), ...args], made),
  });
}

function callerNow(): HostCaller {
  const { current } = execution;
  if (current !== undefined) {
    const { caller } = current.state;
    return current.hostCall?.callerIn(caller) ?? caller;
  }
  throw new RuntimeError('RUNTIME_WRONG_STATE', 'a function made by hostFunction has no caller outside of a turn');
}
