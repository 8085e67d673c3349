import { describe, expect, it } from 'vitest';
import { vivariumHome } from '#security/keys';

describe.skipIf(process.platform === 'win32')('home folder', () => {
  it.each([
    ['linux', {}, '/home/u/.config/vivarium'],
    ['linux', { XDG_CONFIG_HOME: '/xdg' }, '/xdg/vivarium'],
    ['linux', { XDG_CONFIG_HOME: 'relative' }, '/home/u/.config/vivarium'],
    ['linux', { VIVARIUM_HOME: '/v', XDG_CONFIG_HOME: '/xdg' }, '/v'],
    ['darwin', {}, '/home/u/Library/Application Support/vivarium'],
    ['win32', { APPDATA: '/appdata' }, '/appdata/vivarium'],
  ] as const)('on %s with %j is %s', (platform, env, expected) => {
    expect(vivariumHome({ platform, env, home: '/home/u' })).toBe(expected);
  });
});
