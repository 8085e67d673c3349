import type { HostFunction } from '#runtime/direct';
import { camelCase, pascalCase } from './code.ts';
import type { HostCall } from './function-code.ts';
import { NotDirect } from './not-direct.ts';

/**
 * Derives from the WIT path of a host function where jco's naming puts the function, and how it is called.
 * @throws {NotDirect} for an asynchronous function
 */
export function hostCall(path: readonly string[]): { slot: HostFunction; how: HostCall } {
  const [outer = '', inner] = path;
  const whole = path.join('#');
  const name = inner ?? outer;
  const member = /^\[(method|static)\]([^.]+)\.(.+)$/.exec(name);
  if (member !== null) {
    const [, kind, resource = '', called = ''] = member;
    const slot = { name: whole, from: outer, property: inner === undefined ? 'default' : pascalCase(resource) };
    return { slot, how: { kind: kind as 'method' | 'static', member: called } };
  }
  const constructed = /^\[constructor\](.+)$/.exec(name);
  if (constructed !== null) {
    const slot = { name: whole, from: outer, property: pascalCase(constructed[1] as string) };
    return { slot, how: { kind: 'constructor' } };
  }
  if (name.startsWith('[')) throw new NotDirect('imports an asynchronous function');
  return {
    slot: { name: whole, from: outer, property: inner === undefined ? 'default' : camelCase(inner) },
    how: { kind: 'function' },
  };
}
