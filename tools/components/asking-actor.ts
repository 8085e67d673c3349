import { actor } from './actor-wat.ts';

/** An id's part of at most 8 characters, by its place in memory. */
const part = (at: number, text: string): string => `(data (i32.const ${at}) "${text}")`;

/**
 * An actor that asks another for its answer to the message and answers that; the text of the error, behind an exclamation
 * mark, where there is none.
 */
export function askingActor(namespace: string, name: string, instance: string, timeoutMs = 1_000): Promise<Uint8Array> {
  return actor({
    fields: `
      (import "vivarium:actor/host-messaging@0.1.0" "ask"
        (func $ask (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
      ${part(300, namespace)} ${part(332, name)} ${part(364, instance)}`,
    handleMessage: `
      (call $ask (i32.const 300) (i32.const ${namespace.length}) (i32.const 332) (i32.const ${name.length})
        (i32.const 364) (i32.const ${instance.length})
        (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)) (i32.const ${timeoutMs}) (i32.const 200))
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store8 (i32.const 20) (i32.const 1))
      (if (i32.eqz (i32.load8_u (i32.const 200)))
        (then
          (i32.store (i32.const 24) (i32.load (i32.const 204)))
          (i32.store (i32.const 28) (i32.load (i32.const 208))))
        (else
          (i32.store (i32.const 24) (i32.load (i32.const 208)))
          (i32.store (i32.const 28) (i32.load (i32.const 212)))
          (i32.store8 (i32.load (i32.const 24)) (i32.const 33))))
      (i32.const 16)`,
  });
}

/** An actor that sleeps as long as its message has bytes, in milliseconds, and echoes the message. */
export function sleepingActor(msForEachByte = 1): Promise<Uint8Array> {
  return actor({
    fields: `(import "vivarium:actor/host-services@0.1.0" "sleep-millis" (func $sleep (param i32 i32)))`,
    handleMessage: `
      (call $sleep (i32.mul (i32.const ${msForEachByte}) (i32.load offset=28 (local.get $msg))) (i32.const 200))
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store8 (i32.const 20) (i32.const 1))
      (i32.store (i32.const 24) (i32.load offset=24 (local.get $msg)))
      (i32.store (i32.const 28) (i32.load offset=28 (local.get $msg)))
      (i32.const 16)`,
  });
}

/**
 * An actor that sleeps `msForEachByte` milliseconds for each byte of its message. It answers two numbers of 64 bits: the wall
 * clock in milliseconds as it fell asleep, and as it went on.
 */
export function punctualActor(msForEachByte: number): Promise<Uint8Array> {
  return actor({
    fields: `
      (import "vivarium:actor/host-services@0.1.0" "sleep-millis" (func $sleep (param i32 i32)))
      (import "vivarium:actor/host-services@0.1.0" "current-time-millis" (func $now (result i64)))`,
    handleMessage: `
      (i64.store (i32.const 400) (call $now))
      (call $sleep (i32.mul (i32.const ${msForEachByte}) (i32.load offset=28 (local.get $msg))) (i32.const 200))
      (i64.store (i32.const 408) (call $now))
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store8 (i32.const 20) (i32.const 1))
      (i32.store (i32.const 24) (i32.const 400))
      (i32.store (i32.const 28) (i32.const 16))
      (i32.const 16)`,
  });
}
