import { type Agent, get } from 'node:http';
import { Connection } from './connection.ts';

/** How many requests one measurement sends. */
export const REQUESTS = 2_000;
const CLIENTS = 16;
/** V8 compiles the code of a server for the last time after some twenty thousand requests. */
const WARMING_ROUNDS = 15;
/** Requests at a time where they are sent at a rate; further ones wait, and their time counts. */
const MOST_AT_ONCE = 64;
/** What a client asks beside others, and how many milliseconds apart. */
const BESIDE = { requests: 400, everyMs: 5, connections: 200 } as const;

/** Asks until V8 has compiled what the server runs, so that no server is measured while it warms up. */
export async function warmUp(port: number): Promise<void> {
  for (let round = 0; round < WARMING_ROUNDS; round++) await requestsPerSecond(port);
}

/** Asks as fast as sixteen connections can. */
export async function requestsPerSecond(port: number): Promise<number> {
  const connections = await opened(port, CLIENTS);
  const started = performance.now();
  let left = REQUESTS;
  await Promise.all(
    connections.map(async (connection) => {
      while (left-- > 0) await connection.ask();
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  for (const connection of connections) connection.close();
  return REQUESTS / seconds;
}

/**
 * The 99th percentile of the latency in milliseconds at a rate of requests a second. Each is measured from the time at which it should
 * have been sent, so that a server that falls behind cannot hide it.
 */
export async function latencyAt(port: number, rate: number): Promise<number> {
  const connections = await opened(port, MOST_AT_ONCE);
  const free = [...connections];
  const due: number[] = [];
  const latencies: number[] = [];
  const asked: Promise<void>[] = [];
  const ask = async (connection: Connection): Promise<void> => {
    for (let at = due.shift(); at !== undefined; at = due.shift()) {
      await connection.ask();
      latencies.push(performance.now() - at);
    }
    free.push(connection);
  };
  const started = performance.now();
  for (let sent = 0; sent < REQUESTS; ) {
    const until = Math.min(REQUESTS, Math.floor(((performance.now() - started) / 1_000) * rate));
    for (; sent < until; sent++) {
      due.push(started + (sent / rate) * 1_000);
      // Each in turn, so that the server closes none as idle.
      const connection = free.shift();
      if (connection !== undefined) asked.push(ask(connection));
    }
    await new Promise(setImmediate);
  }
  await Promise.all(asked);
  for (const connection of connections) connection.close();
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] as number;
}

/**
 * The 99th percentile of the latency in milliseconds of a client that asks now and then, on each of its connections in turn, whether or
 * not the last request was answered. It sleeps between two requests, so that it takes no processor from what it measures.
 */
export async function latencyBeside(port: number): Promise<number> {
  const connections = await opened(port, BESIDE.connections);
  const latencies: number[] = [];
  const asked: Promise<void>[] = [];
  for (let sent = 0; sent < BESIDE.requests; sent++) {
    const connection = connections[sent % connections.length] as Connection;
    const at = performance.now();
    asked.push(connection.ask().then(() => void latencies.push(performance.now() - at)));
    await new Promise((resolve) => setTimeout(resolve, BESIDE.everyMs));
  }
  await Promise.all(asked);
  for (const connection of connections) connection.close();
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] as number;
}

function opened(port: number, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.open(port)));
}

/**
 * Asks as a client of Node's own. Asks again on another connection if the server closes this one as idle at the same moment.
 * @throws for an answer other than 200
 */
export function ask(port: number, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = get({ host: '127.0.0.1', port, agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
      response.resume().on('end', resolve);
    });
    sent.on('error', (error) => {
      if (sent.reusedSocket) ask(port, agent).then(resolve, reject);
      else reject(error);
    });
  });
}
