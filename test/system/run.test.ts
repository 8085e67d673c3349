import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { plain } from '../../tools/components/actor-wat.ts';

const TOOL = new URL('../toolchains/components/rust.wasm', import.meta.url);

describe('runtime.run', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime();
  });
  afterAll(() => runtime.close());

  const webOutput = (): { stream: WritableStream<Uint8Array>; text: () => string } => {
    const pieces: Uint8Array[] = [];
    const stream = new WritableStream<Uint8Array>({ write: (piece) => void pieces.push(piece.slice()) });
    return { stream, text: () => Buffer.concat(pieces).toString() };
  };

  it('answers the exit code, with streams of the web', async () => {
    const [output, errors] = [webOutput(), webOutput()];
    const stdin = new Blob(['one\n', 'two']).stream();
    const args = ['tool', 'lines'];
    expect(await runtime.run(TOOL, { args, stdin, stdout: output.stream, stderr: errors.stream })).toBe(0);
    expect([output.text(), errors.text()]).toEqual(['0 one\n1 two\n', '']);
    expect(await runtime.run(TOOL, { args: ['tool', 'exit', '1'], stdout: webOutput().stream })).toBe(1);
  });

  it('unlocks the streams of the web that it was given, one of them for both outputs', async () => {
    const { stream, text } = webOutput();
    const both = { stdout: stream, stderr: stream };
    expect(await runtime.run(TOOL, { args: ['tool', 'exit', '0'], ...both })).toBe(0);
    expect(stream.locked).toBe(false);
    await expect(runtime.run(TOOL, { args: ['tool', 'trap'], ...both })).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
    });
    expect(text()).toMatch(/^bye[\s\S]*on purpose/);
    const writer = stream.getWriter();
    await expect(runtime.run(TOOL, { stdout: stream })).rejects.toMatchObject({
      code: 'CORE_INVALID_OPTION',
      message: expect.stringContaining('stdout is an object; give a writable stream of Node, or one of the web'),
    });
    await writer.close();
  });

  it('tells the command of an output that fails, and lives on where it fails after the command', async () => {
    const failing = new WritableStream<Uint8Array>({ write: () => Promise.reject(new Error('full')) });
    const args = ['tool', 'cat'];
    await expect(runtime.run(TOOL, { args, stdin: 'x'.repeat(200_000), stdout: failing })).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
    });
    const told: unknown[] = [];
    const hear = (error: unknown): void => void told.push(error);
    process.on('uncaughtException', hear);
    try {
      let fail: (error: Error) => void = () => {};
      const controller = new AbortController();
      const write = (): Promise<void> => {
        controller.abort();
        return new Promise((_, reject) => {
          fail = reject;
        });
      };
      const stdout = new WritableStream<Uint8Array>({ write });
      const code = runtime.run(TOOL, { args: ['tool', 'exit', '0'], stdout, signal: controller.signal });
      await expect(code).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
      fail(new Error('full'));
      await new Promise((done) => setImmediate(done));
      expect(told).toEqual([]);
    } finally {
      process.off('uncaughtException', hear);
    }
  });

  it('logs lines where it is given no streams, and leaves nothing loaded', async () => {
    const lines: string[] = [];
    const stop = runtime.on('log', ({ channel, message }) => lines.push(`${channel} ${message}`));
    expect(await runtime.run(await readFile(TOOL), { id: 'demo/tool/1', env: { A: 'b' } })).toBe(0);
    stop();
    expect(lines).toEqual(['stdout []', 'stdout [("A", "b")]', 'stderr to standard error']);
    expect(await runtime.run(TOOL, { id: 'demo/tool/1' })).toBe(0);
  });

  it('rejects with what stopped it: a budget, a trap, its signal', async () => {
    const spin = { args: ['tool', 'spin'], limits: { maxFuel: 10_000n } };
    await expect(runtime.run(TOOL, spin)).rejects.toMatchObject({ code: 'METERING_OUT_OF_FUEL' });
    await expect(runtime.run(TOOL, { args: ['tool', 'trap'] })).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    const controller = new AbortController();
    const stdin = new ReadableStream<Uint8Array>({ pull: () => controller.abort() }, { highWaterMark: 0 });
    const waiting = runtime.run(TOOL, { args: ['tool', 'cat'], stdin, signal: controller.signal });
    await expect(waiting).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
  });

  it('says what is missing of a component that is no command', async () => {
    await expect(runtime.run(await plain('', '(local.get 0)'))).rejects.toMatchObject({
      code: 'RUNTIME_NO_EXPORT',
      message: expect.stringContaining(
        'the component is no command, for which it would have to export wasi:cli/run@0.2.x',
      ),
    });
  });
});
