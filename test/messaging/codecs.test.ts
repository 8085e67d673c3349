import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { createHandle, parseComponentId } from '#core';
import { ActorRef, type AnswerOf, type CallOf } from '#messaging';
import { type CodecName, codecs } from '../../src/messaging/codecs.ts';

const names = ['bytes', 'text', 'json', 'cbor'] as const satisfies readonly CodecName[];
const refused = expect.objectContaining({ code: 'MESSAGING_CODEC' });
const records = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('codecs', () => {
  it('read back what they write', () => {
    fc.assert(
      fc.property(records, fc.string(), fc.uint8Array(), (value, text, bytes) => {
        expect(codecs.json.decode(codecs.json.encode(value))).toEqual(value);
        expect(codecs.cbor.decode(codecs.cbor.encode(value))).toEqual(value);
        expect(codecs.text.decode(codecs.text.encode(text.toWellFormed()))).toBe(text.toWellFormed());
        expect(codecs.bytes.decode(codecs.bytes.encode(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(names)('%s: any bytes are a value or a typed error', (name) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          codecs[name].decode(bytes);
        } catch (error) {
          expect(error).toEqual(refused);
        }
      }),
    );
  });

  it('refuse what has no form in them', () => {
    expect(() => codecs.bytes.encode('x')).toThrow(refused);
    expect(() => codecs.text.encode(1)).toThrow(refused);
    expect(() => codecs.json.encode(undefined)).toThrow(refused);
    expect(() => codecs.json.encode(1n)).toThrow(refused);
    expect(() => codecs.cbor.encode(Symbol('x'))).toThrow(refused);
    expect(() => codecs.text.decode(Uint8Array.of(0xff))).toThrow(refused);
  });

  it('are not fooled by lengths that lie, nesting without end, or keys that mean something', () => {
    for (const head of [0x9b, 0xbb, 0x5b, 0x7b]) {
      const lie = Uint8Array.of(head, 0, 0, 0, 0, 0x0f, 0xff, 0xff, 0xff, 0x00);
      expect(() => codecs.cbor.decode(lie)).toThrow(refused);
    }
    expect(() => codecs.cbor.decode(new Uint8Array(1_000_000).fill(0x81))).toThrow(refused);
    const value = codecs.json.decode(Buffer.from('{"__proto__":{"polluted":1}}')) as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect('polluted' in {}).toBe(false);
  });
});

describe('a typed handle', () => {
  interface Counter {
    add(by: number): number;
    read(): Promise<number>;
    rename(to: { name: string }): void;
  }

  it('knows the calls of its protocol and what they answer', () => {
    const ref = new ActorRef<Counter>(createHandle(parseComponentId('t/a/1')));
    expect(ref.codec.contentType).toBe('application/json');
    expectTypeOf<{ add: number }>().toExtend<CallOf<Counter>>();
    expectTypeOf<{ add: string }>().not.toExtend<CallOf<Counter>>();
    expectTypeOf<{ subtract: number }>().not.toExtend<CallOf<Counter>>();
    expectTypeOf<AnswerOf<Counter, { add: 3 }>>().toEqualTypeOf<number>();
    expectTypeOf<AnswerOf<Counter, { read: null }>>().toEqualTypeOf<number>();
  });
});
