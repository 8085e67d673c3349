// Requests by HTTP that guests make, to a server of this process, and a long body through a guest.
import { request as bare, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { createRuntime } from 'vivarium';
import { fetchingGuest } from '../../tools/components/fetching-guest.ts';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';

const ROUNDS = 5;
const CLIENTS = 8;
const REQUESTS = 100;
const LONG = 2 ** 30;

export async function outgoing(report: Report): Promise<void> {
  const server = createServer((_, response) => void response.end('hello'));
  await requests(report, server);
  await longBody(report);
}

async function requests(report: Report, server: Server): Promise<void> {
  const authority = await listening(server);
  const origin = `http://${authority}`;
  await using runtime = await createRuntime();
  const component = await fetchingGuest();
  const guests = await Promise.all(
    Array.from({ length: CLIENTS }, () => runtime.load(component, { grants: [`network:connect:${origin}`] })),
  );
  const dispatcher = new Agent({ connections: CLIENTS });
  const perSecond = async (one: (client: number) => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => one(client)));
    return (CLIENTS * REQUESTS * 1_000) / (performance.now() - began);
  };
  const byGuest = () => perSecond((client) => runtime.call(guests[client]!, 'fetch', authority, REQUESTS));
  const byHost = () =>
    perSecond(async () => {
      for (let asked = 0; asked < REQUESTS; asked++) await (await request(origin, { dispatcher })).body.text();
    });
  const bySockets = () =>
    perSecond(async () => {
      for (let asked = 0; asked < REQUESTS; asked++) await aConnectionEach(origin);
    });
  for (let warm = 0; warm < 3; warm++) for (const by of [byGuest, byHost, bySockets]) await by();
  const { a, ratio } = await paired(ROUNDS, byGuest, byHost);
  report({ figure: 'requests by HTTP, made by guests', value: a, unit: '/s', goal: 'shown', holds: true });
  report({
    figure: 'requests by HTTP, made by guests, ratio',
    value: ratio,
    unit: 'x',
    peer: 'undici in the same process',
    goal: '>= 0.5',
    holds: ratio >= 0.5,
  });
  const beside = await paired(ROUNDS, byGuest, bySockets);
  report({
    figure: 'the same, ratio',
    value: beside.ratio,
    unit: 'x',
    peer: 'node:http with a connection for each request, as guests have them',
    goal: 'shown',
    holds: true,
  });
  await dispatcher.close();
  server.close();
}

function aConnectionEach(origin: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = bare(origin, { agent: false }, (response) => {
      response.resume().once('end', resolve).once('error', reject);
    });
    sent.once('error', reject).end();
  });
}

async function longBody(report: Report): Promise<void> {
  const piece = Buffer.alloc(65_536);
  const server = createServer((_, response) => {
    response.setHeader('content-length', LONG);
    let left = LONG;
    const write = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!response.write(piece)) break;
      }
      if (left === 0) response.end();
      else response.once('drain', write);
    };
    write();
  });
  const authority = await listening(server);
  await using runtime = await createRuntime();
  const guest = await runtime.load(await fetchingGuest(), {
    grants: [`network:connect:http://${authority}`],
    limits: { maxExecutionTimeMs: 600_000, maxTurnTimeMs: 600_000, maxFuel: undefined },
  });
  const before = process.memoryUsage().rss;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before);
  }, 50);
  const bytes = await runtime.call(guest, 'fetch', authority, 1);
  clearInterval(watch);
  server.close();
  const grown = most / 2 ** 20;
  report({
    figure: `a body of ${Number(bytes) / 2 ** 20} MiB read by a guest: resident memory at most beyond that before`,
    value: grown,
    unit: 'MiB',
    goal: '<= 100',
    holds: Number(bytes) === LONG && grown <= 100,
  });
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
