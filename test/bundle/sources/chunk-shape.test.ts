import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeAstChunk, encodeAstChunk, looksLikeAst } from '../../../src/bundle/sources/chunk-shape.ts';

const encode = (value: unknown) =>
  new Uint8Array(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const node = { node_id: 'n', node_kind: 'k', start_byte: 0, end_byte: 1 };
const chunk = { ast_nodes: [node], content_b64: 'YQ==', language: 'go', path: 'a', source_id: 's' };

describe('a chunk with a syntax tree', () => {
  it('is what the document shows, byte for byte', () => {
    const document = readFileSync(new URL('../../../docs/chunk-shape.md', import.meta.url), 'utf8');
    const [, example] = /<!-- chunk -->\n```json\n(\{.*\}\n)```/.exec(document) ?? [];
    const bytes = encode(example);
    expect(looksLikeAst(bytes)).toBe(true);
    const { nodes, ...source } = decodeAstChunk(bytes, 'main.go');
    expect(source).toMatchObject({ path: 'main.go', language: 'go', content: Buffer.from('package main\n') });
    expect(nodes).toHaveLength(1);
    expect(Buffer.concat([...encodeAstChunk(source, nodes)]).toString()).toBe(example);
  });

  it('is read, with 0 for rows and columns that are absent', () => {
    const { nodes, ...source } = decodeAstChunk(encode(chunk), 'a');
    expect(source).toEqual({ content: Buffer.from('a'), language: 'go', path: 'a', sourceId: 's' });
    expect(nodes).toEqual([{ ...node, start_row: 0, start_col: 0, end_row: 0, end_col: 0 }]);
  });

  it.each([
    ['bad base64', { ...chunk, content_b64: 'YQ=' }],
    ['base64 with rubbish', { ...chunk, content_b64: 'Y!Q==' }],
    ['base64 that ends in stray bits', { ...chunk, content_b64: 'YR==' }],
    ['a path of another source', { ...chunk, path: 'b' }],
    ['a number for a text', { ...chunk, language: 1 }],
    ['an object for the nodes', { ...chunk, ast_nodes: {} }],
    ['a node that is null', { ...chunk, ast_nodes: [null] }],
    ['a node with a fraction', { ...chunk, ast_nodes: [{ ...node, start_byte: 0.5 }] }],
    ['a node without an end', { ...chunk, ast_nodes: [{ ...node, end_byte: undefined }] }],
    ['a node whose id is a list', { ...chunk, ast_nodes: [{ ...node, node_id: [] }] }],
    ['an empty source_id', { ...chunk, source_id: '' }],
    ['everything in __proto__', `{"__proto__":${JSON.stringify(chunk)}}`],
    ['a list', [chunk]],
    ['no JSON', '{"source_id":"s"'],
    ['deep nesting', `{"source_id":"s","ast_nodes":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('is refused with %s', (_, value) => {
    expect(() => decodeAstChunk(encode(value), 'a')).toThrow(expect.objectContaining({ code: 'BUNDLE_INVALID_CHUNK' }));
  });

  it('that is 200 MB of opened brackets is refused before anything is made of it', () => {
    const bytes = Buffer.alloc(200 * 2 ** 20, '[');
    bytes.write('{"source_id":"s","ast_nodes":');
    expect(() => decodeAstChunk(bytes, 'a')).toThrow(expect.objectContaining({ code: 'BUNDLE_INVALID_CHUNK' }));
    expect(looksLikeAst(bytes)).toBe(false);
  });

  it.each([
    [chunk, true],
    [{ source_id: 's' }, true],
    [{ source_id: '' }, false],
    [{ source_id: 1 }, false],
    ['{"__proto__":{"source_id":"s"}}', false],
    [' {"source_id":"s"}', false],
    ['', false],
    ['{', false],
  ])('is told by its bytes where nobody says the shape: %j', (value, expected) => {
    expect(looksLikeAst(encode(value))).toBe(expected);
  });
});
