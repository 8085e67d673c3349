import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { componentOf } from '../../../tools/components/actor-wat.ts';
import { runCount } from '../../support/runs.ts';

/** One exported function: of the world, of an interface in line, or of a package's interface. */
interface Named {
  readonly owner?: string;
  readonly member: string;
}

const nameOf = ({ owner, member }: Named): string => (owner === undefined ? member : `${owner}#${member}`);
const camel = (label: string): string =>
  label.toLowerCase().replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
/** A label that may be a keyword of WIT, such as `s8`. */
const escaped = (label: string): string => `%${label}`;

/** A component in which every function answers its place in the list. */
async function answering(functions: readonly Named[]): Promise<Uint8Array> {
  const owners = new Map<string, string[]>();
  for (const { owner = '', member } of functions) owners.set(owner, [...(owners.get(owner) ?? []), member]);
  const packages: string[] = [];
  const world: string[] = [];
  for (const [owner, members] of owners) {
    const body = members.map((member) => `${escaped(member)}: func() -> u32;`).join(' ');
    if (owner === '') world.push(...members.map((member) => `export ${escaped(member)}: func() -> u32;`));
    else if (!owner.includes(':')) world.push(`export ${escaped(owner)}: interface { ${body} }`);
    else {
      const [, of = '', iface = '', version = ''] = /^(.+)\/([^@]+)(@.+)?$/.exec(owner) ?? [];
      const pkg = of.split(':').map(escaped).join(':');
      packages.push(`package ${pkg}${version} { interface ${escaped(iface)} { ${body} } }`);
      world.push(`export ${pkg}/${escaped(iface)}${version};`);
    }
  }
  const code = functions.map((each, index) => `(func (export "${nameOf(each)}") (result i32) (i32.const ${index}))`);
  return componentOf(
    `(module ${code.join(' ')})`,
    `package t:t; world w { ${world.join(' ')} } ${packages.join(' ')}`,
    'w',
  );
}

const word = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9]{0,4}$/), fc.stringMatching(/^[A-Z][A-Z0-9]{0,4}$/));
const label = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('-'));
const lowerLabel = label.map((text) => text.toLowerCase());
const version = fc.tuple(fc.nat(2), fc.nat(2), fc.nat(3)).map((numbers) => `@${numbers.join('.')}`);
const owner = fc.oneof(
  { weight: 1, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: label },
  {
    weight: 3,
    arbitrary: fc
      .tuple(lowerLabel, lowerLabel, lowerLabel, fc.option(version, { nil: '' }))
      .map(([namespace, pkg, iface, at]) => `${namespace}:${pkg}/${iface}${at}`),
  },
);
/** Names are told apart by more than case and hyphens, as the component model asks. */
const plain = (text: string): string => text.toLowerCase().replaceAll('-', '');
const namedFunctions = fc
  .uniqueArray(
    fc
      .record({ owner, member: label })
      .map(({ owner: of, member }): Named => (of === undefined ? { member } : { owner: of, member })),
    { minLength: 1, maxLength: 6, selector: (each) => plain(nameOf(each)) },
  )
  .filter((all) => {
    const top = new Set(all.flatMap((each) => [plain(each.owner ?? each.member)]));
    const owners = new Set(all.flatMap((each) => (each.owner === undefined ? [] : [each.owner])));
    return top.size === owners.size + all.filter((each) => each.owner === undefined).length;
  });

/** Every form in which a name may be written that must reach the function, or say that it fits several. */
function formsOf({ owner: of, member }: Named): string[] {
  if (of === undefined) return [member, camel(member)];
  if (!of.includes(':')) return [of, camel(of)].flatMap((each) => [`${each}#${member}`, `${each}#${camel(member)}`]);
  const [, pkg, iface = '', at] = /^(.+)\/([^@]+)(?:@(.+))?$/.exec(of) ?? [];
  const [major = 0, minor = 0, patch = 0] = (at ?? '').split('.').map(Number);
  const compatible = at === undefined || (major === 0 && minor === 0) ? [] : [`@${major}.${minor}.${patch + 7}`];
  if (major > 0) compatible.push(`@${major}.${minor + 3}.0`);
  const owners = ['', ...compatible].flatMap((each) => [
    `${pkg}/${iface}${each}`,
    `${iface}${each}`,
    `${camel(iface)}${each}`,
  ]);
  return [of, ...owners].flatMap((each) => [`${each}#${member}`, `${each}#${camel(member)}`]);
}

describe.each(['direct', 'glue'] as const)('names of exports, %s', (calls) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ calls });
  });
  afterAll(() => runtime.close());

  const load = async (functions: readonly Named[]) => runtime.load(await answering(functions));
  const refusal = (
    name: string,
    handle: Awaited<ReturnType<typeof load>>,
  ): Promise<{ code: string; message: string }> =>
    runtime.call(handle, name).then(
      (answer) => expect.fail(`${name} answered ${answer}`),
      (error) => error,
    );

  it('reach every function by every form, or name the several that a form fits', async () => {
    await fc.assert(
      fc.asyncProperty(namedFunctions, async (functions) => {
        const handle = await load(functions);
        for (const [index, each] of functions.entries()) {
          expect(await runtime.call(handle, nameOf(each))).toBe(index);
          for (const form of formsOf(each)) {
            const answer = await runtime.call(handle, form).catch((error) => error);
            if (typeof answer === 'number') {
              // Another function may have the form as its own name, or a higher compatible version.
              expect(formsOf(functions[answer] as Named)).toContain(form);
            } else
              expect(answer).toMatchObject({
                code: 'RUNTIME_NO_EXPORT',
                message: expect.stringMatching(/fits more than one export: .*#/),
              });
          }
        }
        await runtime.unload(handle);
      }),
      { numRuns: runCount(15, 5) },
    );
  });

  it('are found in WIT: more than one word, and words in capitals', async () => {
    const functions = [
      'add-one',
      'get-HTTP-code',
      'URL',
      'a-HTTP',
      'a-1',
      's',
      'to-string',
      'state',
      'func0',
      'has-own-property',
    ];
    const handle = await load([
      ...functions.map((member) => ({ member })),
      ...functions.map((member) => ({ owner: 'acme:web/client@1.2.0', member })),
      { owner: 'my-tools', member: 'add-one' },
      { owner: 'my-HTTP', member: 'get-URL' },
    ]);
    for (const [index, member] of functions.entries()) {
      expect(await runtime.call(handle, member)).toBe(index);
      expect(await runtime.call(handle, camel(member))).toBe(index);
      for (const of of [
        'acme:web/client@1.2.0',
        'acme:web/client',
        'client',
        'acme:web/client@1.0.0',
        'client@1.9.0',
      ]) {
        expect(await runtime.call(handle, `${of}#${member}`)).toBe(functions.length + index);
        expect(await runtime.call(handle, `${of}#${camel(member)}`)).toBe(functions.length + index);
      }
    }
    for (const name of ['my-tools#add-one', 'myTools#addOne', 'my-tools#addOne'])
      expect(await runtime.call(handle, name)).toBe(20);
    for (const name of ['my-HTTP#get-URL', 'myHttp#getUrl']) expect(await runtime.call(handle, name)).toBe(21);
  });

  it('may be any label: what every object, class or promise has as well', async () => {
    const labels = [
      'then',
      'constructor',
      'prototype',
      'to-string',
      'value-of',
      'name',
      'call',
      'apply',
      's',
      'state-of',
      'caller',
    ];
    const handle = await load([
      ...labels.map((member) => ({ member })),
      ...labels.map((member) => ({ owner: 'a:b/c@1.0.0', member })),
    ]);
    for (const [index, member] of labels.entries()) {
      expect(await runtime.call(handle, member)).toBe(index);
      expect(await runtime.call(handle, `c#${member}`)).toBe(labels.length + index);
    }
    const [first, second] = [
      await load([{ member: 'then' }]),
      await load([{ owner: 'then', member: 'then' }, { member: 'the0' }]),
    ];
    expect(await runtime.call(first, 'then')).toBe(0);
    expect(await runtime.call(second, 'then#then')).toBe(0);
    expect(await runtime.call(second, 'the0')).toBe(1);
  });

  it('reach a compatible version, the highest of several, and never another one', async () => {
    const functions = ['@0.2.3', '@0.2.1', '@0.3.0', '@1.1.0', '@1.4.0', '@2.0.0'].map((at) => ({
      owner: `a:b/run${at}`,
      member: 'run',
    }));
    const handle = await load(functions);
    const asked: readonly (readonly [version: string, answer: number])[] = [
      ['0.2.0', 0],
      ['0.2.1', 1],
      ['0.2.9', 0],
      ['0.3.5', 2],
      ['1.0.0', 4],
      ['1.1.0', 3],
      ['2.3.4', 5],
      // As names end whose rest of a version is an attribute.
      ['0.2', 0],
      ['1', 4],
    ];
    for (const [at, answer] of asked) expect(await runtime.call(handle, `a:b/run@${at}#run`)).toBe(answer);
    for (const at of ['0.1.0', '0.4.0', '3.0.0', '0.4', '0', '3', '0.2.3-rc.1', 'x', '']) {
      expect(await refusal(`a:b/run@${at}#run`, handle)).toMatchObject({ code: 'RUNTIME_NO_EXPORT' });
    }
    expect((await refusal('run#run', handle)).message).toMatch(
      /fits more than one export: a:b\/run@0\.2\.3#run, a:b\/run@0\.2\.1#run/,
    );
  });

  it('that two packages share are told apart by whole names, which the error lists', async () => {
    const handle = await load([
      { owner: 'a:one/tools@1.0.0', member: 'do-it' },
      { owner: 'b:two/tools@1.0.0', member: 'do-it' },
    ]);
    expect((await refusal('tools#do-it', handle)).message).toBe(
      '"tools#do-it" fits more than one export: a:one/tools@1.0.0#do-it, b:two/tools@1.0.0#do-it; call one of them by its whole name',
    );
    expect(await runtime.call(handle, 'b:two/tools#do-it')).toBe(1);
  });

  it('that an error lists can all be called, and every other name is an error that costs nothing', async () => {
    const handle = await load([
      { member: 'add-one' },
      { owner: 'my-tools', member: 'get-HTTP' },
      { owner: 'a:b/c@1.0.0', member: 's' },
    ]);
    for (const wrong of [
      'nope',
      '',
      '#',
      'a:b/c@1.0.0#',
      '#s',
      '__proto__',
      'constructor',
      'my-tools',
      'a:b/c@1.0.0#constructor',
      'my-tools#__proto__',
      '[method]a.b',
    ]) {
      const { code, message } = await refusal(wrong, handle);
      expect(code).toBe('RUNTIME_NO_EXPORT');
      const listed = message.split('it exports ')[1]?.split(', ') ?? [];
      expect(listed.toSorted()).toEqual(['a:b/c@1.0.0#s', 'add-one', 'my-tools#get-HTTP']);
      for (const name of listed) expect(await runtime.call(handle, name)).toBeTypeOf('number');
    }
    expect(runtime.state(handle)).toBe('ready');
  });
});
