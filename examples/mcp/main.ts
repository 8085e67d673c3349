// What an agent does with tools that a model wrote: it starts `viv mcp` as its server, reads what the tools take, and calls them.
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const component = process.argv[2] ?? 'tools.wasm';
const agent = new Client({ name: 'agent', version: '1.0.0' });
// A tool that is written badly stops after 300 milliseconds of computing. It can neither read a file nor reach the network.
const args = ['bin/viv.js', 'mcp', component, '--timeout', '300ms', '--memory', '32MiB'];
await agent.connect(new StdioClientTransport({ command: process.execPath, args, stderr: 'ignore' }));

for (const { name, description } of (await agent.listTools()).tools) console.log(`${name}: ${description}`);

async function use(name: string, given: Record<string, unknown>): Promise<void> {
  const { content, isError } = await agent.callTool({ name, arguments: given });
  const [first] = content;
  console.log(isError === true ? 'failed:' : 'answered:', first?.type === 'text' ? first.text : '');
}

await use('slug', { title: 'Hello, World!' });
await use('total', { cents: [1_250, 399] });
await use('total', { cents: ['much'] });
// This pattern makes most programs compute for hours.
await use('matching-lines', { text: `${'a'.repeat(40)}!`, pattern: '^(a+)+$' });
await use('matching-lines', { text: 'one\ntwo', pattern: '^t' });
await agent.close();
