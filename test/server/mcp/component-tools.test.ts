import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type LoadOptions, type Runtime } from '../../../src/index.ts';
import { ComponentTools, type ToolOptions } from '../../../src/server/mcp/component-tools.ts';
import { plain } from '../../../tools/components/actor-wat.ts';
import { echoGuest } from '../../runtime/direct/echo-guest.ts';
import type { WitType } from '../../runtime/direct/wit-types.ts';

const STRING: WitType = { kind: 'primitive', name: 'string' };
const BYTES: WitType = { kind: 'list', element: { kind: 'primitive', name: 'u8' } };
const never = new AbortController().signal;

describe('functions of components as tools', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ limits: { maxExecutionTimeMs: 60_000 } });
  });
  afterAll(() => runtime.close());

  /** Tools of a component whose `echo` answers what `answer` answers. */
  async function echo(
    answer: (value: unknown) => unknown,
    { type = STRING, result = STRING, ...options }: ToolOptions & { type?: WitType; result?: WitType } = {},
  ): Promise<ComponentTools> {
    const handle = await runtime.load(await echoGuest([type], result, 'utf8'), {
      imports: { 't:t/host': { echo: answer } },
      store: 'per-call',
    });
    return new ComponentTools(runtime, () => [handle], options);
  }

  async function spinning(options: LoadOptions = {}): Promise<{ tools: ComponentTools; handle: ComponentHandle }> {
    const component = await plain('', '(loop $more (br_if $more (local.get 0))) (i32.const 7)');
    const handle = await runtime.load(component, { store: 'per-call', cancel: 'turn', ...options });
    return { tools: new ComponentTools(runtime, () => [handle], { maxConcurrent: 2 }), handle };
  }

  it('answer results as text and as structure', async () => {
    const tools = await echo((value) => value);
    expect(tools.list()).toMatchObject([{ name: 'echo', title: 't:t/api#echo', inputSchema: { required: ['p0'] } }]);
    expect(await tools.call('echo', { p0: 'a\nb' }, never)).toEqual({
      text: 'a\nb',
      structured: { result: 'a\nb' },
      isError: false,
    });
  });

  it.each([
    [{}, 'the argument p0 is missing'],
    [{ p0: 'x', p1: 1 }, 'there is no argument "p1"; the arguments are p0'],
    [{ p0: 7 }, 'RUNTIME_INVALID_ARGUMENT: argument p0: a string is expected, not 7'],
    [{ p0: null }, 'RUNTIME_INVALID_ARGUMENT: argument p0: a string is expected, not null'],
    [JSON.parse('{"__proto__":{"p0":"x"}}'), 'there is no argument "__proto__"; the arguments are p0'],
    [{ ['\u202e'.repeat(500)]: 1 }, undefined],
  ])('refuse arguments %j', async (args, text) => {
    const tools = await echo(() => expect.fail('was called'));
    const answer = await tools.call('echo', args, never);
    expect(answer?.isError).toBe(true);
    if (text !== undefined) expect(answer?.text).toBe(text);
    expect(answer?.text).not.toContain('\u202e');
    expect(answer?.text.length).toBeLessThan(1_000);
  });

  it('refuse arguments that are too large before the component is entered', async () => {
    const tools = await echo(() => expect.fail('was called'), { maxArgumentCharacters: 1_000 });
    const answer = await tools.call('echo', { p0: 'x'.repeat(2_000) }, never);
    expect(answer).toEqual({ text: 'the arguments are larger than 1000 characters of JSON', isError: true });
  });

  it('answer an error in place of a result that is too large', async () => {
    const tools = await echo(() => new Uint8Array(30_000), { result: BYTES, maxResultCharacters: 10_000 });
    const answer = await tools.call('echo', { p0: '' }, never);
    expect(answer).toMatchObject({ isError: true });
    expect(answer?.text).toContain('larger than 10000 characters');
  });

  it('make what a component says in its error harmless and short', async () => {
    const tools = await echo(
      () => {
        throw `\u001b[31m\u202e</result>${'x'.repeat(30_000)}`;
      },
      { result: { kind: 'result', ok: STRING, error: STRING } },
    );
    const answer = await tools.call('echo', { p0: '' }, never);
    expect(answer?.isError).toBe(true);
    expect(answer?.text).toMatch(/^the function returned an error: /);
    expect(answer?.text).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(answer?.text.length).toBeLessThanOrEqual(2_048);
  });

  it('end the turn of a call that is cancelled, and only that', async () => {
    const { tools, handle } = await spinning();
    const cancel = new AbortController();
    const call = tools.call('run', { n: 1 }, cancel.signal);
    // The turn begins at one of the next steps of the event loop, and gives the thread away between its slices.
    for (let step = 0; step < 10; step++) await new Promise((resolve) => setImmediate(resolve));
    cancel.abort();
    expect(await call).toMatchObject({ isError: true, text: expect.stringContaining('RUNTIME_ABORTED') });
    expect(await tools.call('run', { n: 0 }, never)).toMatchObject({ structured: { result: 7 } });
    expect(runtime.state(handle)).toBe('ready');
  });

  it('stop at the limits of their component', async () => {
    const { tools } = await spinning({ limits: { maxFuel: 10_000n } });
    expect(await tools.call('run', { n: 1 }, never)).toMatchObject({
      isError: true,
      text: expect.stringContaining('METERING_OUT_OF_FUEL'),
    });
    expect(await tools.call('run', { n: 0 }, never)).toMatchObject({ isError: false });
  });

  it('refuse more calls at a time than their bound', async () => {
    const { tools } = await spinning();
    const cancel = new AbortController();
    const running = [1, 2].map(() => tools.call('run', { n: 1 }, cancel.signal));
    expect(await tools.call('run', { n: 0 }, never)).toEqual({
      text: 'too many calls run now; try again later',
      isError: true,
    });
    cancel.abort();
    await Promise.all(running);
    expect(await tools.call('run', { n: 0 }, never)).toMatchObject({ isError: false });
  });

  it('are gone with their component, and there is none of another name', async () => {
    const { tools, handle } = await spinning();
    expect(await tools.call('other', {}, never)).toBeUndefined();
    await runtime.unload(handle);
    expect(tools.list()).toEqual([]);
    expect(await tools.call('run', { n: 0 }, never)).toBeUndefined();
  });

  it('say whether their component has grants', async () => {
    const component = await plain('', '(local.get 0)');
    const hints = async (...grants: readonly string[]): Promise<unknown> => {
      const handle = await runtime.load(component, { grants });
      return new ComponentTools(runtime, () => [handle]).list()[0]?.annotations;
    };
    expect(await hints()).toEqual({ readOnlyHint: true, openWorldHint: false });
    expect(await hints('storage:read:**')).toEqual({ readOnlyHint: false, openWorldHint: false });
    expect(await hints('network:connect:https://example.com:443')).toEqual({
      readOnlyHint: false,
      openWorldHint: true,
    });
  });
});
