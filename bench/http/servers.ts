import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Connection } from './connection.ts';
import { processorMs } from './processor-time.ts';

/** A server in a process of its own, so that client and server have a core each. */
export interface Served {
  readonly port: number;
  /** The processor time that it has used; undefined where nothing tells that. */
  processorMs(): Promise<number | undefined>;
  /** Measures for a second how long its event loop is away from its sockets; see `longestRound`. NaN where nothing tells that. */
  roundMs(): Promise<number>;
  stop(): void;
}

/** What serves within our own program: a component with an instance for each request or one for all, two tenants, Node's server, or Fastify. */
export type Kind = 'per-call' | 'per-actor' | 'tenants' | 'node' | 'fastify';

const START_MS = 60_000;

/** @param more for Fastify its folder; for a component what is observed: `metrics`, or the share of traces that are kept, as for Node's server; for tenants what one of them does */
export async function served(kind: Kind, ...more: string[]): Promise<Served> {
  const child = fork(fileURLToPath(new URL('./server-program.ts', import.meta.url)), [kind, ...more]);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const ask = async (what: string): Promise<number> => {
    child.send(what);
    const [{ ms }] = (await once(child, 'message')) as [{ ms: number }];
    return ms;
  };
  const stop = (): void => void child.kill();
  return { port, processorMs: () => ask('processor time'), roundMs: () => ask('rounds'), stop };
}

/** Starts another program, and resolves when it answers. @param argumentsFor makes its arguments for a port @throws if it never does */
export async function servedBy(command: string, argumentsFor: (port: number) => string[]): Promise<Served> {
  const port = await freePort();
  // A group of its own ends with all that the program has started.
  const child = spawn(command, argumentsFor(port), { stdio: 'ignore', detached: true });
  const stop = (): void => {
    process.off('exit', stop);
    try {
      process.kill(-(child.pid as number));
    } catch {
      // It has ended.
    }
  };
  process.on('exit', stop);
  const failed = once(child, 'error').then(([error]) => Promise.reject(error));
  await Promise.race([answers(child, port), failed]).catch((cause: unknown) => {
    stop();
    throw cause;
  });
  const { pid } = child;
  return {
    port,
    processorMs: async () => processorMs(pid as number),
    roundMs: async () => Number.NaN,
    stop,
  };
}

async function answers(child: ChildProcess, port: number): Promise<void> {
  const until = performance.now() + START_MS;
  for (;;) {
    try {
      const connection = await Connection.open(port);
      await connection.ask().finally(() => connection.close());
      return;
    } catch (cause) {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      if (hasEnded || performance.now() > until) {
        throw new Error(`${child.spawnfile} does not answer`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
