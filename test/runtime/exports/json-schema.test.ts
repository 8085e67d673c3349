// The schemas that programs are shown are compared with what calls take and return, by a validator that is not ours.
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundedJson } from '#core/text';
import { createRuntime, type ExportInfo, type Runtime } from '../../../src/index.ts';
import { cartComponent } from '../../support/resource-components.ts';
import { runCount } from '../../support/runs.ts';
import { echoGuest } from '../direct/echo-guest.ts';
import { valuesOf, witType } from '../direct/wit-types.ts';

const validator = new AjvJsonSchemaValidator();
const isValid = (schema: object, value: unknown): boolean => validator.getValidator(schema as never)(value).valid;

describe('the schemas of an export', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime();
  });
  afterAll(() => runtime.close());

  it('allow each value that a call takes, and what it returns', async () => {
    const cases = witType.chain((type) => fc.tuple(fc.constant(type), fc.array(valuesOf(type), { maxLength: 5 })));
    await fc.assert(
      fc.asyncProperty(cases, async ([type, values]) => {
        const component = await echoGuest([type], type, 'utf8');
        const handle = await runtime.load(component, { imports: { 't:t/host': { echo: (value: unknown) => value } } });
        const [{ json }] = runtime.exports(handle) as [ExportInfo];
        const [parameter] = json?.parameters ?? [];
        for (const value of values) {
          const given = JSON.parse(boundedJson([value], 1e7) as string) as [unknown];
          expect(isValid(parameter?.schema ?? {}, given[0]), boundedJson(given, 1_000)).toBe(true);
          if (type.kind === 'result') continue;
          const answered = await runtime.callJson(handle, 't:t/api#echo', JSON.stringify(given));
          const written = JSON.parse(boundedJson([answered], 1e7) as string) as [unknown];
          expect(isValid(json?.result ?? {}, written[0]), boundedJson(written, 1_000)).toBe(true);
        }
        await runtime.unload(handle);
      }),
      { numRuns: runCount(25, 8) },
    );
  });

  it('refuse what a call refuses', async () => {
    const handle = await runtime.load(
      await echoGuest(
        [
          { kind: 'primitive', name: 'u8' },
          { kind: 'list', element: { kind: 'primitive', name: 's64' } },
          { kind: 'record', elements: [{ kind: 'primitive', name: 'bool' }] },
          { kind: 'enum', count: 2 },
          { kind: 'option', element: { kind: 'primitive', name: 'char' } },
        ],
        { kind: 'primitive', name: 'u8' },
        'utf8',
      ),
      { imports: { 't:t/host': { echo: () => 1 } } },
    );
    const [{ name, json }] = runtime.exports(handle) as [ExportInfo];
    expect(name).toBe('t:t/api#echo');
    const [small, wide, record, label, option] = json?.parameters ?? [];
    expect([small, wide, record, label, option].map((each) => each?.required)).toEqual([true, true, true, true, false]);
    const refused: readonly [typeof small, readonly unknown[]][] = [
      [small, [256, -1, 1.5, '1', null]],
      [wide, [[2 ** 60], ['1x'], 1, [1.5]]],
      [record, [{}, { f0: 1 }, { f0: true, f1: true }]],
      [label, ['c9', 1]],
      [option, ['ab', '', 1]],
    ];
    for (const [parameter, values] of refused) {
      for (const value of values) expect(isValid(parameter?.schema ?? {}, value), JSON.stringify(value)).toBe(false);
    }
  });

  it('are left out where a value has no JSON form, because it is a resource', async () => {
    const handle = await runtime.load(await cartComponent());
    const found = new Map(runtime.exports(handle).map(({ name, json }) => [name.replace(/^.*#/, ''), json]));
    expect(found.has('[method]cart.add-up')).toBe(true);
    expect([...found].filter(([name, json]) => name.includes('cart') && json !== undefined)).toEqual([]);
  });
});
