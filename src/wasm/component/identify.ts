/** The kind of some bytes, and a sentence for people that names it and says what to do. */
export interface Identity {
  readonly kind:
    | 'component'
    | 'core-module'
    | 'component-text'
    | 'core-text'
    | 'empty'
    | 'truncated'
    | 'unknown-version'
    | 'unknown';
  readonly sentence: string;
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d] as const;
/** How much of a text is read. A text with longer leading comments is `unknown`. */
const TEXT_WINDOW = 4096;

/** Tells components from other things that people load by mistake. Only the first bytes are read. */
export function identify(bytes: Uint8Array): Identity {
  if (bytes.length === 0) {
    return { kind: 'empty', sentence: 'there are 0 bytes; give the path of a built component' };
  }
  const magicLength = Math.min(bytes.length, 4);
  if (MAGIC.slice(0, magicLength).every((byte, index) => bytes[index] === byte)) return identifyBinary(bytes);
  return identifyText(bytes);
}

function identifyBinary(bytes: Uint8Array): Identity {
  if (bytes.length < 8) {
    return {
      kind: 'truncated',
      sentence: `this begins like WebAssembly and ends after ${bytes.length} bytes; build or copy the component again`,
    };
  }
  const version = (bytes[4] as number) | ((bytes[5] as number) << 8);
  const layer = (bytes[6] as number) | ((bytes[7] as number) << 8);
  if (layer === 1 && version === 0x0d) return { kind: 'component', sentence: 'this is a WebAssembly component' };
  if (layer === 0 && version === 1) {
    return {
      kind: 'core-module',
      sentence:
        'this is a core WebAssembly module (version 1), not a component; make a component of it, ' +
        'with `viv build` from its source or with `wasm-tools component new`',
    };
  }
  const what = layer === 1 ? 'a component' : layer === 0 ? 'a core module' : 'WebAssembly';
  return {
    kind: 'unknown-version',
    sentence:
      `this is ${what} of layer ${layer}, version 0x${version.toString(16)}, which is not known here ` +
      '(components are layer 1, version 0xd); build it with current tools',
  };
}

function identifyText(bytes: Uint8Array): Identity {
  const text = withoutLeadingComments(new TextDecoder('utf-8').decode(bytes.subarray(0, TEXT_WINDOW)));
  if (/^\(\s*component\b/.test(text)) {
    return {
      kind: 'component-text',
      sentence: 'this is the text of a component, not its binary; assemble it first, with `wasm-tools parse`',
    };
  }
  if (/^\(\s*(module|func|import|memory|type|table|global|export|data|elem|start)\b/.test(text)) {
    return {
      kind: 'core-text',
      sentence:
        'this is the text of a core WebAssembly module; assemble it with `wasm-tools parse` and make a ' +
        'component of it with `wasm-tools component new`',
    };
  }
  return {
    kind: 'unknown',
    sentence: 'this is not WebAssembly: it does not begin with \\0asm; give the path of a built component',
  };
}

/** Skips white space, `;; …` lines and `(; … ;)` blocks in one pass over the window. */
function withoutLeadingComments(text: string): string {
  let at = 0;
  for (;;) {
    while (at < text.length && /\s|\uFEFF/.test(text[at] as string)) at++;
    const end = text.startsWith(';;', at)
      ? text.indexOf('\n', at)
      : text.startsWith('(;', at)
        ? endOfBlock(text, at)
        : at;
    if (end === at) return text.slice(at);
    if (end < 0) return '';
    at = end;
  }
}

function endOfBlock(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length - 1; at++) {
    const two = text.slice(at, at + 2);
    if (two !== '(;' && two !== ';)') continue;
    depth += two === '(;' ? 1 : -1;
    at++;
    if (depth === 0) return at + 1;
  }
  return -1;
}
