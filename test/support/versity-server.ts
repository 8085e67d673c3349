import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { answering } from '../../tools/servers/answering.ts';
import { freePort } from '../../tools/servers/free-port.ts';
import { findGo, goInstall } from './go-toolchain.ts';

const VERSION = 'v1.8.0';
const CREDENTIALS = { accessKeyId: 'vivarium', secretAccessKey: 'only-for-tests' };

/** Built once and kept: three minutes the first time. */
const FOLDER = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vivarium', 'tools', 'versitygw');

/** Whether an S3 server is there, or can be built by a Go that is. */
export function canHaveS3(): boolean {
  return existsSync(join(FOLDER, 'versitygw')) || findGo() !== undefined;
}

/** Starts versitygw, a real S3 server, over a folder, with one empty bucket. */
export async function startS3(): Promise<{
  endpoint: string;
  bucket: string;
  credentials: typeof CREDENTIALS;
  close(): Promise<void>;
}> {
  const binary = join(FOLDER, 'versitygw');
  if (!existsSync(binary)) build();
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-s3-'));
  const bucket = 'modules';
  for (const name of [join('data', bucket), 'sidecar']) mkdirSync(join(folder, name), { recursive: true });
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  // Attributes in a folder of their own: not every file system has extended ones.
  const args = [
    '--port',
    `127.0.0.1:${port}`,
    '--quiet',
    'posix',
    '--sidecar',
    join(folder, 'sidecar'),
    join(folder, 'data'),
  ];
  const env = {
    ...process.env,
    ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId,
    ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey,
  };
  const child = spawn(binary, args, { env, stdio: 'ignore' });
  await answering(endpoint, child);
  return {
    endpoint,
    bucket,
    credentials: CREDENTIALS,
    close: async () => {
      await new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        child.kill();
      });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function build(): void {
  const go = findGo();
  if (go === undefined) throw new Error('no S3 server, and no Go to build one with');
  mkdirSync(FOLDER, { recursive: true });
  goInstall(FOLDER, `github.com/versity/versitygw/cmd/versitygw@${VERSION}`, go);
}
