import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseManifest, readManifest } from '#project';

const bad = expect.objectContaining({ code: 'PROJECT_BAD_MANIFEST' });
const least = 'id = "t/a/1"\ncomponent = "a.wasm"\n';
const read = (text: string) => parseManifest(text, '/actors/a/actor.toml');

describe('a manifest', () => {
  it('says what an actor asks for', () => {
    const manifest = read(`${least}
      grants = ["messaging:send:demo/*/*", "storage:read:**"]
      [limits]
      max-memory = "16MiB"
      max-execution-time = "200ms"
      max-fuel = 5_000_000
      [env]
      LANG = "en"
      [mailbox]
      max-messages = 10
      overflow = "drop-oldest"
      [supervision]
      restart = "permanent"
      supervisor = "room"
      strategy = "one-for-all"
      max-restarts = 5
      within = "1m"
      backoff = 20
      max-attempts = 2`);
    expect(manifest).toEqual({
      id: 't/a/1',
      component: '/actors/a/a.wasm',
      limits: { maxMemoryBytes: 16 * 2 ** 20, maxExecutionTimeMs: 200, maxFuel: 5_000_000n },
      env: { LANG: 'en' },
      mailbox: { maxMessages: 10, overflow: 'drop-oldest' },
      supervision: {
        restart: 'permanent',
        supervisor: 'room',
        strategy: 'one-for-all',
        maxRestarts: 5,
        withinMs: 60_000,
        backoffMs: 20,
        maxAttempts: 2,
      },
      grants: ['messaging:send:demo/*/*', 'storage:read:**'],
    });
    expect(read(least)).toMatchObject({ supervision: undefined, grants: [], env: {} });
  });

  it.each([
    ['', /id is missing/],
    ['id = "t/a/1"', /component is missing/],
    [`${least}colour = "red"`, /unknown key "colour"/],
    [`${least}[limits]\nmax-memroy = 1`, /unknown key "limits.max-memroy"/],
    [`${least}__proto__ = 1`, /unknown key "__proto__"/],
    [`${least}[__proto__]\nx = 1`, /unknown key "__proto__"/],
    [`${least}constructor = 1`, /unknown key/],
    [`${least}[limits]\nmax-memory = -1`, /limits.max-memory/],
    [`${least}[limits]\nmax-fuel = "all"`, /limits.max-fuel/],
    [`${least}[supervision]\nrestart = "never"`, /give one of permanent, transient, temporary/],
    [`${least}limits = 3`, /give a table/],
    [`${least}limits = 1979-05-27`, /give a table/],
    [`${least}grants = "all"`, /give a list/],
    [`${least}grants = [1]`, /give text/],
    [`${least}env = { A = 1 }`, /give text/],
    ['id = "../../etc"\ncomponent = "a.wasm"', /component id/],
    [`${least}x = ${'['.repeat(10_000)}${']'.repeat(10_000)}`, /./],
    [`${least}${'[a.'.repeat(10_000)}`, /./],
    [`${least}text = "${'x'.repeat(100_000)}"`, /longer/],
    ['\u0000', /./],
  ])('%j is refused', (text, message) => {
    expect(() => read(text)).toThrow(bad);
    expect(() => read(text)).toThrow(message);
  });

  it('is read or refused with a typed error, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `${least}${text}`),
        ),
        (text) => {
          try {
            read(text);
          } catch (error) {
            expect(error).toEqual(bad);
          }
        },
      ),
    );
  });

  it('is not read at all when it is absent, no file, or very large', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'manifest-'));
    try {
      await expect(readManifest(join(folder, 'none.toml'))).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
      await expect(readManifest(folder)).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
      const large = join(folder, 'large.toml');
      await writeFile(large, `# ${'x'.repeat(100 * 2 ** 20)}`);
      await expect(readManifest(large)).rejects.toThrow(bad);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
