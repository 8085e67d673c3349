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
