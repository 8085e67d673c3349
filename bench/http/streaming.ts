import { once } from 'node:events';
import { type IncomingMessage, request as send } from 'node:http';
import { HttpServer } from '#server';
import { createRuntime, serveExchange } from '#system';
import { echoHandler } from '../../tools/components/echo-handler.ts';
import type { Report } from '../figure.ts';

const BYTES = 2 ** 30;
const PIECE = Buffer.alloc(64 * 1024);
/** What sockets, pipes and garbage may take, far below the bytes that pass. */
const FLAT_BYTES = 128 * 2 ** 20;

/** Sends a gigabyte through a component and back, and reads how much the memory of the process grows meanwhile. */
export async function streaming(report: Report): Promise<void> {
  await using runtime = await createRuntime({ scheduling: 'preemptive' });
  const limits = { maxTurnTimeMs: 600_000, maxExecutionTimeMs: 600_000 };
  const handler = await runtime.load(await echoHandler(), { limits });
  const serve = (exchange: Parameters<typeof serveExchange>[2]) => serveExchange(runtime, handler, exchange);
  const server = new HttpServer(() => ({ component: 'echo', serve }), { port: 0, requestTimeoutMs: 600_000 });
  const port = Number(new URL((await server.listen()).url).port);
  await echo(port, 64 * 2 ** 20);
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 50);
  const received = await echo(port, BYTES);
  clearInterval(watch);
  await server.drain(1_000);
  const grown = (most - before) / 2 ** 20;
  report({
    figure: `memory that 1 GiB in and out takes (${received === BYTES ? 'all of it came back' : 'NOT ALL CAME BACK'})`,
    value: grown,
    unit: 'MiB',
    goal: `<= ${FLAT_BYTES / 2 ** 20}`,
    holds: received === BYTES && most - before <= FLAT_BYTES,
  });
}

async function echo(port: number, bytes: number): Promise<number> {
  const sent = send({ host: '127.0.0.1', port, method: 'POST' });
  const answered = once(sent, 'response');
  const writing = (async () => {
    for (let left = bytes; left > 0; left -= PIECE.length) {
      if (!sent.write(PIECE.subarray(0, Math.min(left, PIECE.length)))) await once(sent, 'drain');
    }
    sent.end();
  })();
  const [response] = (await answered) as [IncomingMessage];
  let received = 0;
  for await (const piece of response) received += (piece as Buffer).length;
  await writing;
  return received;
}
