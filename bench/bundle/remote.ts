import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { differences, writeSmallSources } from '../../tools/bundle/large-database.ts';
import { startDockerRegistry } from '../../tools/servers/docker-registry.ts';
import type { Report } from '../figure.ts';
import { database, pullTo, pushFrom, timed } from './sources.ts';

const scope = 'bench/one';

/** Pushes of 10,000 chunks to a registry on loopback: the first, the same again, and with one source changed. */
export async function remotePushes(report: Report, folder: string): Promise<void> {
  await using registry = await startDockerRegistry();
  const { path, change } = database(folder, 10_000);
  const packed = join(folder, 'packed');
  const remote = { url: registry.url, scope };
  const first = await timed(() => pushFrom(path, packed, remote));
  const second = await timed(() => pushFrom(path, packed, remote));
  const changed = await pushFrom(change(), packed, remote);
  const value = second.ms / first.ms;
  report({
    figure: 'second remote push of the same 10,000 chunks, packing included',
    value,
    unit: 'times',
    peer: `the first (${Math.round(first.ms / 1000)} s)`,
    goal: 'at most 0.05',
    holds: value <= 0.05 && second.result.remote?.unchanged === true,
  });
  const sent = changed.remote?.sent ?? 0;
  // The lockfile is one of the blobs; the manifest is none.
  report({ figure: 'blobs sent when one source changed', value: sent, unit: 'blobs', goal: '2', holds: sent === 2 });
}

/** Time that 100,000 small sources may take from one database to another, through a registry on loopback. */
const BUDGET_SECONDS = 120;

/** 100,000 small sources, which travel in packs, from database to database. */
export async function manySources(report: Report, folder: string): Promise<void> {
  await using registry = await startDockerRegistry();
  mkdirSync(folder, { recursive: true });
  const [from, to] = [join(folder, 'in.db'), join(folder, 'out.db')];
  writeSmallSources(from, 100_000);
  const remote = { url: registry.url, scope };
  const pushed = await timed(() => pushFrom(from, join(folder, 'packed'), remote));
  const pulled = await timed(() => pullTo(to, join(folder, 'pulled'), remote));
  const value = (pushed.ms + pulled.ms) / 1000;
  report({
    figure: `100,000 small sources pushed (${Math.round(pushed.ms / 1000)} s) and pulled (${Math.round(pulled.ms / 1000)} s)`,
    value,
    unit: 's',
    goal: `at most ${BUDGET_SECONDS}`,
    holds: value <= BUDGET_SECONDS && differences(from, to, false) === 0,
  });
}

/** A pull of 1,000 chunks, against what copies images between registries and folders. */
export async function remotePulls(report: Report, folder: string): Promise<void> {
  await using registry = await startDockerRegistry();
  const { path } = database(folder, 1_000);
  const remote = { url: registry.url, scope };
  await pushFrom(path, join(folder, 'packed'), remote);
  const ours = await timed(() => pullTo(undefined, join(folder, 'pulled'), remote));
  const image = `docker://${registry.host}/mache/${scope}:latest`;
  const skopeo = await timed(() =>
    execFileSync('skopeo', ['copy', '--src-tls-verify=false', image, `dir:${join(folder, 'skopeo')}`]),
  );
  const value = skopeo.ms / ours.ms;
  report({
    figure: 'pull of 1,000 chunks',
    value,
    unit: 'times as fast',
    peer: 'skopeo copy to a folder',
    goal: 'at least 5',
    holds: value >= 5,
  });
}
