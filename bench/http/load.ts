import { Agent, get } from 'node:http';

const REQUESTS = 2_000;
const CLIENTS = 16;

/** Asks from this process, which the server shares with the client. */
export async function requestsPerSecond(port: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const started = performance.now();
  let left = REQUESTS;
  const client = async (): Promise<void> => {
    while (left-- > 0) await ask(port, agent);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const seconds = (performance.now() - started) / 1_000;
  agent.destroy();
  return REQUESTS / seconds;
}

/**
 * The 99th percentile of the latency in milliseconds at a rate of requests a second. Each is measured from the time at which it should
 * have been sent, so that a server that falls behind cannot hide it.
 */
export async function latencyAt(port: number, rate: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const latencies: number[] = [];
  const asked: Promise<void>[] = [];
  const started = performance.now();
  for (let sent = 0; sent < REQUESTS; ) {
    const due = Math.min(REQUESTS, Math.floor(((performance.now() - started) / 1_000) * rate));
    for (; sent < due; sent++) {
      const at = started + (sent / rate) * 1_000;
      asked.push(ask(port, agent).then(() => void latencies.push(performance.now() - at)));
    }
    await new Promise(setImmediate);
  }
  await Promise.all(asked);
  agent.destroy();
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] as number;
}

/**
 * Asks again on another connection if the server closes this one as idle at the same moment, as clients do.
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
