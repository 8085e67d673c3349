import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('observability: a request is traced below its client, and counted for Prometheus', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'handler.wasm');
  await writeFile(file, await helloHandler());
  const { stdout } = await promisify(execFile)(process.execPath, ['examples/observability/main.ts', file], {
    timeout: 600_000,
  });
  const [answer, counted, state, turn, request, ...rest] = stdout.trimEnd().split('\n');
  expect(answer).toBe('200 hello');
  expect([counted, state]).toEqual([
    'vivarium_http_requests_total{component="local/shop/1",method="GET",code="2xx"} 1',
    'vivarium_component_state{component="local/shop/1",state="ready"} 1',
  ]);
  expect(turn).toMatch(/^span: INTERNAL "turn local\/shop\/1" below [0-9a-f]{16}, .*"vivarium\.fuel":…/);
  expect(request).toMatch(/^span: SERVER "GET local\/shop\/1" below b7ad6b7169203331, .*"url\.path":"\/cart"/);
  expect(request).not.toContain('item=7');
  expect(rest).toEqual([]);
});
