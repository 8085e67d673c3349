// Runs `viv serve` with spans of OpenTelemetry, asks its component once as a client that traces, and scrapes it as Prometheus does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const component = resolve(process.argv[2] ?? 'handler.wasm');
const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'observability-'));
const config = join(folder, 'vivarium.toml');
await writeFile(
  config,
  `[server]
listen = "127.0.0.1:0"
metrics = "open"
[components.shop]
source = ${JSON.stringify(component)}
[[routes]]
component = "shop"
`,
);

const server = spawn(process.execPath, [
  '--import',
  file('tracing.ts'),
  file('../../bin/viv.js'),
  'serve',
  config,
  '--json',
]);
const spans: string[] = [];
createInterface({ input: server.stderr }).on('line', (line) => {
  if (line.startsWith('span: ')) spans.push(line);
});
const [listening] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
const { url } = JSON.parse(listening) as { readonly url: string };

// The header says which span of the client the request belongs to (W3C Trace Context).
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const answer = await fetch(`${url}/cart?item=7`, { headers: { traceparent } });
console.log(answer.status, await answer.text());

const metrics = await (await fetch(`${url}/-/metrics`)).text();
for (const line of metrics.split('\n')) {
  if (/^vivarium_(?:http_requests_total|component_state)\{.*1$/.test(line)) console.log(line);
}

server.kill('SIGTERM');
await once(server, 'close');
// The last span of a request is that of the request itself; its turn is below it.
for (const span of spans.filter((each) => / "(?:GET|turn) /.test(each)))
  console.log(span.replace(/"vivarium\.fuel":"?\d+"?/, '"vivarium.fuel":…'));
await rm(folder, { recursive: true });
