import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { expect, it } from 'vitest';
import * as delegation from '#delegation';
import { TestClock } from '../../src/testing/clock.ts';
import { SOME_INTERFACE, someRecord } from '../registry/module-records.ts';

/** What the text around the code speaks of, and the code takes for given. */
interface Given {
  readonly clock: TestClock;
  readonly registry: { readonly client: object };
  readonly runModule: () => Promise<unknown>;
  readonly runLocal: () => Promise<unknown>;
  readonly models: object;
  readonly askModel: undefined;
  readonly context: delegation.CallContext;
  readonly args: readonly unknown[];
}

/** The code of docs/delegation.md as a function; its import is the delegation's own door. */
async function documented(given: Given): Promise<delegation.Execution & { readonly elapsedMs: number }> {
  const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync('docs/delegation.md', 'utf8')) ?? [];
  const body = stripTypeScriptTypes(code).replace(/import (\{[^}]*\}) from '[^']*';/, 'const $1 = delegation;');
  const names = ['delegation', ...Object.keys(given)];
  const source = `return (async () => { ${body}; return { value, target, elapsedMs }; })();`;
  return new Function(...names, source)(delegation, ...Object.values(given));
}

it('the code in docs/delegation.md sends a call to the registry, or where the policy says', async () => {
  const record = someRecord();
  let matches = [{ record, similarity: 0.99 }];
  const asked: unknown[] = [];
  const given = (fnSymbol: string): Given => ({
    clock: new TestClock(),
    registry: {
      client: {
        query: async () => matches,
        fetch: async () => ({ record, bytes: new Uint8Array() }),
        record: () => undefined,
      },
    },
    runModule: async () => 'by the module',
    runLocal: async () => 'by hand',
    models: { small: { complete: async (request: unknown) => ({ text: String(asked.push(request)) }) } },
    askModel: undefined,
    context: {
      fnSymbol,
      argTypeFingerprint: 'u32,u32',
      interfaceHash: SOME_INTERFACE,
      runtimeContextHash: '',
      semanticHash: Float32Array.of(1, 0),
    },
    args: [1, 2],
  });
  expect(await documented(given('math.add'))).toMatchObject({ value: 'by the module', target: { kind: 'L4CacheHit' } });
  matches = [];
  expect(await documented(given('math.add'))).toMatchObject({ value: 'by hand', target: { kind: 'LocalPure' } });
  expect(await documented(given('draft.letter'))).toMatchObject({
    value: '1',
    target: { kind: 'LocalModel', id: 'small' },
  });
  await expect(documented(given('something.else'))).rejects.toMatchObject({ code: 'DELEGATION_NO_EXECUTOR' });
});
