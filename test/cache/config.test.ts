import { describe, expect, it } from 'vitest';
import { resolveCacheConfig } from '#cache';
import type { Surroundings } from '../../src/cache/config.ts';

function rootOf(surroundings: Partial<Surroundings>, root?: string | false): string | undefined {
  const all: Surroundings = { env: {}, platform: 'linux', home: () => '/home/ann', ...surroundings };
  return resolveCacheConfig({ root }, all).root;
}

describe('the cache root', () => {
  it('follows the platform', () => {
    expect(rootOf({})).toBe('/home/ann/.cache/vivarium');
    expect(rootOf({ env: { XDG_CACHE_HOME: '/data/cache' } })).toBe('/data/cache/vivarium');
    expect(rootOf({ platform: 'darwin' })).toBe('/home/ann/Library/Caches/vivarium');
    expect(rootOf({ platform: 'win32', env: { LOCALAPPDATA: '/local' } })).toBe('/local/vivarium/Cache');
    expect(rootOf({ platform: 'win32' })).toBe('/home/ann/AppData/Local/vivarium/Cache');
  });

  it('ignores a relative XDG_CACHE_HOME, as its specification says', () => {
    expect(rootOf({ env: { XDG_CACHE_HOME: 'cache' } })).toBe('/home/ann/.cache/vivarium');
    expect(rootOf({ env: { XDG_CACHE_HOME: '' } })).toBe('/home/ann/.cache/vivarium');
  });

  it('takes the option before VIVARIUM_CACHE_DIR before the platform', () => {
    const env = { VIVARIUM_CACHE_DIR: '/from/env', XDG_CACHE_HOME: '/data/cache' };
    expect(rootOf({ env })).toBe('/from/env');
    expect(rootOf({ env }, '/from/option')).toBe('/from/option');
    expect(rootOf({ env }, false)).toBeUndefined();
  });

  it('is none when there is no home', () => {
    const home = (): string => {
      throw new Error('no home');
    };
    expect(rootOf({ home })).toBeUndefined();
  });

  it.each(['', 'a\0b'])('refuses %j', (root) => {
    expect(() => rootOf({}, root)).toThrow(expect.objectContaining({ code: 'CACHE_INVALID_CONFIG' }));
  });
});

describe('amounts', () => {
  it.each([
    { memoryBytes: -1 },
    { maxDiskBytes: Number.NaN },
    { maxArtifactBytes: 0 },
    { leaseMs: 1 },
    { negativeMs: 1.5 },
  ])('refuses %j', (options) => {
    expect(() => resolveCacheConfig(options)).toThrow(expect.objectContaining({ code: 'CACHE_INVALID_CONFIG' }));
  });
});
