// What componentize-qjs and StarlingMonkey give a guest for its imports. Values are as they map them.
declare module 'vivarium:actor/host-messaging@0.1.0' {
  import type { ComponentId } from './types.ts';

  export function send(target: ComponentId, payload: Uint8Array): void;
  export function request(target: ComponentId, payload: Uint8Array, timeoutMs: number): string;
  export function ask(target: ComponentId, payload: Uint8Array, timeoutMs: number): Uint8Array;
  export function cancelRequest(correlationId: string): void;
  export function broadcast(targets: readonly ComponentId[], payload: Uint8Array): number;
  export function publish(topic: string, payload: Uint8Array): number;
  export function subscribe(topic: string): void;
  export function unsubscribe(topic: string): void;
  export function selfId(): ComponentId;
}

declare module 'vivarium:actor/host-services@0.1.0' {
  import type { ComponentId, LogLevel } from './types.ts';

  export function log(level: LogLevel, message: string, context: readonly (readonly [string, string])[]): void;
  export function currentTimeMillis(): number | bigint;
  export function listComponents(): ComponentId[];
}

declare module 'vivarium:actor/storage@0.1.0' {
  export function get(key: string): Uint8Array | undefined | null;
  export function set(key: string, value: Uint8Array): void;
  // `delete` is a word of the language: it is reached through the namespace.
  function remove(key: string): boolean;

  export { remove as delete };
  export function exists(key: string): boolean;
  export function listKeys(prefix: string): string[];
}

declare module 'wasi:random/random@0.2.0' {
  export function getRandomBytes(length: number | bigint): Uint8Array;
}
