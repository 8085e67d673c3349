import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plain } from '../../tools/components/actor-wat.ts';
import { homeIn } from '../support/home-in.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { viv } from './viv.ts';

let folder: ReturnType<typeof temporaryFolder>;
let tools: string;
beforeAll(async () => {
  folder = temporaryFolder();
  tools = join(folder.path, 'tools.wasm');
  expect(await viv(['build', 'examples/mcp/tools.ts', '--output', tools])).toMatchObject({ code: 0 });
  await writeFile(
    join(folder.path, 'spin.wasm'),
    await plain('', '(loop $more (br_if $more (local.get 0))) (local.get 0)'),
  );
  await writeFile(
    join(folder.path, 'spin.toml'),
    'id = "demo/spin/1"\ncomponent = "spin.wasm"\ngrants = ["storage:read:**"]\n[limits]\nmax-fuel = 1000\n',
  );
});
afterAll(() => folder[Symbol.dispose]());

/** A client of the official SDK, whose server is a process of `viv mcp`. */
async function connected(...args: readonly string[]): Promise<Client & AsyncDisposable> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const env = { PATH: process.env.PATH ?? '', HOME: folder.path, VIVARIUM_HOME: homeIn(folder.path) };
  const command = { command: process.execPath, args: ['bin/viv.js', 'mcp', ...args], env, stderr: 'ignore' as const };
  await client.connect(new StdioClientTransport(command));
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

describe('viv mcp', () => {
  it('offers functions with the comments and types of their WIT', async () => {
    await using client = await connected(tools);
    const listed = (await client.listTools()).tools;
    expect(listed.map(({ name }) => name).toSorted()).toEqual(['matching-lines', 'slug', 'total']);
    const slug = listed.find(({ name }) => name === 'slug');
    expect(slug).toMatchObject({
      title: 'example:tools/texts@1.0.0#slug',
      description: 'Turns a title into a part of a URL.',
      inputSchema: { required: ['title'], properties: { title: { type: 'string' } } },
      outputSchema: { properties: { result: { type: 'string' } } },
      annotations: { readOnlyHint: true, openWorldHint: false },
    });
    expect(JSON.stringify(slug?.inputSchema)).toContain('The text between two words; a hyphen by default.');
    const answer = await client.callTool({
      name: 'slug',
      arguments: { title: 'Hello World', style: { maxLength: 7 } },
    });
    expect(answer).toMatchObject({ structuredContent: { result: 'hello-w' }, isError: false });
    const total = await client.callTool({ name: 'total', arguments: { cents: [1, 2, 39] } });
    expect(total).toMatchObject({ content: [{ type: 'text', text: '42' }], structuredContent: { result: 42 } });
  });

  it('answers errors of the component, and goes on after a call that its limits ended', async () => {
    await using client = await connected(tools, '--timeout', '200ms');
    const lines = (pattern: string): Promise<unknown> =>
      client.callTool({ name: 'matching-lines', arguments: { text: `${'a'.repeat(40)}!\nb`, pattern } });
    expect(await lines('(')).toMatchObject({
      isError: true,
      content: [{ text: 'the function returned an error: "( is no regular expression"' }],
    });
    expect(await lines('^(a+)+$')).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('METERING_DEADLINE') }],
    });
    expect(await lines('^b')).toMatchObject({ structuredContent: { result: ['b'] } });
    await expect(client.callTool({ name: 'nope\u001b', arguments: {} })).rejects.toThrow(
      'there is no tool "nope\\u001b"',
    );
  });

  it('ends the turn of a call that the client cancels', async () => {
    await using client = await connected(join(folder.path, 'spin.wasm'), '--timeout', '60s');
    const cancel = new AbortController();
    const call = client.callTool({ name: 'run', arguments: { n: 1 } }, { signal: cancel.signal });
    const cancelled = expect(call).rejects.toThrow();
    // The server reads one line after the other, so it has read the call when it answers this.
    await client.listTools();
    cancel.abort();
    await cancelled;
    // One turn of a component runs at a time, so this one would wait for a turn that had not ended.
    expect(await client.callTool({ name: 'run', arguments: { n: 0 } })).toMatchObject({ isError: false });
  });

  it('takes comments from a given WIT, and keeps those of the component back', async () => {
    await writeFile(join(folder.path, 'given.wit'), 'package x:y; world w { /// Given.\n export total: func(); }');
    const args = [tools, '--no-descriptions', '--wit', join(folder.path, 'given.wit')];
    await using client = await connected(...args);
    const found = new Map((await client.listTools()).tools.map(({ name, description }) => [name, description]));
    expect(found.get('total')).toBe('Given.');
    expect(found.get('slug')).toBe('Calls example:tools/texts@1.0.0#slug of a component.');
  });

  it('gives a component of a manifest its own limits, and the grants that it asks for where they are given', async () => {
    const manifest = join(folder.path, 'spin.toml');
    expect(await viv(['mcp', manifest])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--grant 'storage:read:**'"),
    });
    await using client = await connected(manifest, tools, '--grant', 'storage:*:**');
    expect(await client.callTool({ name: 'run', arguments: { n: 1 } })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('METERING_OUT_OF_FUEL') }],
    });
    expect(await client.callTool({ name: 'total', arguments: { cents: [1] } })).toMatchObject({ isError: false });
  });

  it('refuses what exports no tool, and a WIT that is not there', async () => {
    const { helloHandler } = await import('../../tools/components/hello-handler.ts');
    await writeFile(join(folder.path, 'hello.wasm'), await helloHandler());
    expect(await viv(['mcp', join(folder.path, 'hello.wasm')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('export no function that can be a tool'),
    });
    expect(await viv(['mcp', tools, '--wit', join(folder.path, 'none.wit')])).toMatchObject({ code: 3 });
  });
});
