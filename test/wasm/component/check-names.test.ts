import { execFileSync } from 'node:child_process';
import { transpileBytes } from '@bytecodealliance/jco-transpile';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { parse as parseScript } from 'acorn';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkNames, readComponent } from '#wasm';
import { nested, withCoreExport, withCoreImport, withExport, withHostResource, withImport } from './attacks.ts';

const INJECTED = "a'],(globalThis.PWNED=1),['b";

/** What the generator makes of a component, as text. */
async function generated(bytes: Uint8Array): Promise<string> {
  const { files } = await transpileBytes(bytes, { name: 'c', instantiation: 'async' });
  return new TextDecoder().decode((files as Record<string, Uint8Array>)['c.js']);
}

function isScript(source: string): boolean {
  try {
    parseScript(source, { ecmaVersion: 'latest', sourceType: 'module' });
    return true;
  } catch {
    return false;
  }
}

async function refusal(text: string): Promise<{ code: string; message: string }> {
  const component = readComponent(await parse(text));
  try {
    checkNames(component);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('was not refused');
}

/** Attacks that the generator lets through, each with what its output then holds. */
const LET_THROUGH: readonly [what: string, text: string, output: RegExp | 'broken script'][] = [
  ['a core export that ends its quotes', withCoreExport(INJECTED), /\['a'\],\(globalThis\.PWNED=1\),\['b'\]/],
  [
    'a core import module that ends its quotes',
    withCoreImport("m':(globalThis.PWNED=1),'n", 'f'),
    /'m':\(globalThis\.PWNED=1\),'n'/,
  ],
  [
    'a core import field that ends its quotes',
    withCoreImport('m', "f':(globalThis.PWNED=1),'g"),
    /'f':\(globalThis\.PWNED=1\),'g'/,
  ],
  ['the same in a nested component', nested(withCoreExport(INJECTED)), /\['a'\],\(globalThis\.PWNED=1\),\['b'\]/],
  ['a core export with a backslash at its end', withCoreExport('a\\5c'), 'broken script'],
  ['a core export with a line feed', withCoreExport('a\\0ab'), 'broken script'],
  ['a core import with a carriage return', withCoreImport('a\\0d', 'f'), 'broken script'],
  ['a core export with a line separator', withCoreExport('a\\u{2028}b'), /a\u2028b/],
  ['a core export with a comment end', withCoreExport('a*/b'), /a\*\/b/],
  ['a core export with a template placeholder', withCoreExport(`a\${b}`), /a\$\{b\}/],
  ['a core export with a backtick', withCoreExport('a`b'), /a`b/],
  ['a core export with NUL', withCoreExport('a\\00b'), /a\0b/],
  ['a core export that is not ASCII', withCoreExport('a\\u{202e}b'), /a\u202eb/],
  ['a core import module that sets a prototype', withCoreImport('__proto__', 'f'), /__proto__: \{/],
  [
    'a core import field that sets a prototype',
    withCoreImport('m', '__proto__'),
    /__proto__: Object\.assign\(exports0\.f/,
  ],
  ['a core export that reads a prototype', withCoreExport('__proto__'), /exports0\.__proto__/],
  ['a core export called constructor', withCoreExport('constructor'), /exports0\.constructor/],
  ['an export that makes the instance a promise', withExport('then'), /return \{ then/],
  ['an export called constructor', withExport('constructor'), /return \{ constructor/],
  [
    'an import that every object has',
    withHostResource('constructor', '(param "text" string) (result u32)'),
    /const \{ .*constructor.*\} = imports\['a:b\/c'\]/,
  ],
  [
    'a static function that every class has',
    withHostResource('[static]r.constructor', '(param "text" string) (result (own $r))'),
    /R\.constructor\(result/,
  ],
];

/** Attacks that end in the validator inside the generator, and must not reach it either. */
const STOPPED_LATER: readonly [what: string, text: string][] = [
  ['a record field __proto__', withImport('f', '(func (param "__proto__" u32))')],
  ['a locked dependency', withImport('locked-dep=<a:b@1.0.0>', '(component)')],
  ['an unlocked dependency', withImport('unlocked-dep=<a:b>', '(component)')],
  ['an integrity hash', withImport('integrity=<sha256-AAAA>', '(component)')],
  [
    'a class whose member is the class itself',
    withHostResource('[static]r.prototype', '(param "x" string) (result u32)'),
  ],
  [
    'a method that is a constructor',
    withHostResource('[method]r.constructor', '(param "self" (borrow $r)) (param "x" u32) (result u32)'),
  ],
  ['an import found on every object', withHostResource('has-own-property', '(param "x" string) (result u32)')],
  ['a static function of every class', withHostResource('[static]r.apply', '(param "x" string) (result u32)')],
];

describe('checkNames', () => {
  it.each(LET_THROUGH)('refuses %s, which the generator prints as it is', async (_what, text, output) => {
    const bytes = await parse(text);
    const script = await generated(bytes);
    if (output === 'broken script') expect(isScript(script)).toBe(false);
    else expect(script).toMatch(output);
    expect(() => checkNames(readComponent(bytes))).toThrow(expect.objectContaining({ code: 'WASM_HOSTILE_NAME' }));
  });

  it.each(STOPPED_LATER)('refuses %s', async (_what, text) => {
    expect((await refusal(text)).code).toBe('WASM_HOSTILE_NAME');
  });

  it.each(['url=<https://example.com/a.wasm>', 'locked-dep=<a:b@1.0.0>', 'integrity=<sha256-AAAA>', 'a:b/c'])(
    'refuses a function imported as %s, which makes the generator panic and stay broken',
    async (name) => {
      const text = withImport(name);
      const good = withExport('run');
      const script = `
      import { transpileBytes } from '@bytecodealliance/jco-transpile';
      import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
      const outcome = (text) => parse(text).then((b) => transpileBytes(b, { name: 'c', instantiation: 'async' }))
        .then(() => 'done', (e) => e.message.split('\\n')[0]);
      console.log(JSON.stringify([await outcome(${JSON.stringify(text)}), await outcome(${JSON.stringify(good)})]));`;
      const [first, second] = JSON.parse(
        execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', stdio: 'pipe' }),
      ) as [string, string];
      expect(first).not.toBe('done');
      expect(second).toMatch(/cannot enter component instance/);
      expect((await refusal(text)).code).toBe('WASM_HOSTILE_NAME');
    },
  );

  it('names the name without its claws, its kind, its place and what to do', async () => {
    const { message } = await refusal(nested(withCoreExport('a\\0a\\1b[31m')));
    expect(message).toMatch(
      /^the core export "a\\u\{a\}\\u\{1b\}\[31m" of core module 0 of component 0 inside the component, at offset \d+, holds .*; rename it and build again$/,
    );
  });

  it('lets names of real compilers through', async () => {
    for (const name of [
      'cabi_post_a:b/c@1.2.3#d-e',
      'cm32p2|wasi:cli/run@0.2|run',
      '$imports',
      'GOT.mem',
      '',
      '_ZN4core$LT$u20$E',
      '[async-lower][method]r.m',
    ]) {
      checkNames(readComponent(await parse(withCoreExport(name))));
    }
    checkNames(
      readComponent(
        await parse(withHostResource('[method]r.to-string', '(param "self" (borrow $r)) (param "x" u32) (result u32)')),
      ),
    );
  });

  it('lets no character through that JavaScript could take for the end of a string, template or comment', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), async (name) => {
        const escaped = Array.from(name, (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`).join('');
        fc.pre(!/[\ud800-\udfff]/.test(name) || name.isWellFormed());
        const component = readComponent(await parse(withCoreExport(escaped)));
        const harmless = /^[\x20-\x7e]*$/.test(name) && !/['"`\\*{}();]/.test(name);
        if (!harmless) expect(() => checkNames(component)).toThrow();
      }),
      { numRuns: 300 },
    );
  });
});
