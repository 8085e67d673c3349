import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identify } from '#wasm';

const text = (source: string): Uint8Array => new TextEncoder().encode(source);
const binary = (...rest: number[]): Uint8Array => Uint8Array.of(0, 0x61, 0x73, 0x6d, ...rest);

describe('identify', () => {
  it.each([
    ['component', binary(0x0d, 0, 1, 0)],
    ['core-module', binary(1, 0, 0, 0)],
    ['component-text', text('(component)')],
    ['component-text', text(';; a comment\n(; another (; nested ;) ;) ( component $x)')],
    ['core-text', text('\n (module (func))')],
    ['empty', new Uint8Array()],
    ['truncated', binary(0x0d)],
    ['truncated', Uint8Array.of(0)],
    ['unknown-version', binary(0x0e, 0, 1, 0)],
    ['unknown-version', binary(2, 0, 0, 0)],
    ['unknown-version', binary(1, 0, 7, 0)],
    ['unknown', text('(components are fine)')],
    ['unknown', text('#!/bin/sh')],
    ['unknown', text('(; a comment that never ends')],
  ])('says that it is %s', (kind, bytes) => {
    const identity = identify(bytes);
    expect(identity.kind).toBe(kind);
    expect(identity.sentence).toMatch(/^(this|there)/);
  });

  it('names a core module by its version and says what to do', () => {
    expect(identify(binary(1, 0, 0, 0)).sentence).toMatch(/core WebAssembly module \(version 1\).*viv build/);
  });

  it('answers for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => identify(bytes).sentence.length > 0));
  });
});
