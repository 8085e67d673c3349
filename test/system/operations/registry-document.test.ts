import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ModuleRecord } from '#core/ports/registry';
import { openKeyring, openRegistry } from '#system/operations';
import { adderComponent } from '../../../tools/components/adder-component.ts';
import { scratchFolder } from '../../security/scratch.ts';

it('the code in docs/registry.md publishes, finds and fetches', async () => {
  const home = scratchFolder();
  await openKeyring(home).create('me');

  const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync('docs/registry.md', 'utf8')) ?? [];
  const statements = code
    .replace("import { openRegistry } from 'vivarium';", '')
    .replace(/if \(match !== undefined\) console\.log\((.*)\.length\);/, 'const fetched = $1;');
  const given = {
    // PostgreSQL and S3 of the document's are for the servers' suite; a folder is the same to the caller.
    openRegistry: () => openRegistry({ home, registry: join(home, 'registry') }),
    component: await adderComponent(),
    name: 'adder',
    version: '1.0.0',
    description: 'adds two numbers',
    embedding: Float32Array.of(1, 2),
    embedderId: 'some embedder',
    check: async () => undefined,
  };
  const source = `return (async () => {
    ${statements.replace('const [match]', 'const { interfaceHash } = record;\n const [match]')}
    return { record, match, fetched };
  })();`;
  const run = new Function(...Object.keys(given), source);
  const { record, match, fetched } = (await run(...Object.values(given))) as {
    record: ModuleRecord;
    match: { record: ModuleRecord; similarity: number };
    fetched: Uint8Array;
  };
  expect(record).toMatchObject({ name: 'adder', status: 'verified' });
  expect(match.record.id).toBe(record.id);
  expect(fetched).toEqual(new Uint8Array(given.component));
});
