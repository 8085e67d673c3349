import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentEngineProfiles, type EngineProfile, engineProfileId } from '#cache';
import { describesProfile } from '../../src/cache/engine-profile.ts';
import { testProfile } from '../../tools/cache/profile.ts';

const native: EngineProfile = {
  ...testProfile,
  platform: 'darwin',
  architecture: 'arm64',
  libc: '',
  cpuPolicy: 'native',
  cpuFeatures: ['neon', 'crc32'],
  configuration: {},
};

describe('engineProfileId', () => {
  // Golden: a change here makes every cache in the world cold, so it has to be meant.
  it('is what it always was', () => {
    expect(engineProfileId(testProfile)).toBe('af8037ac6eea6681a74761591c86bcb8bf9c85a7a11d9b0d6fdbfc7d6321f264');
    expect(engineProfileId(native)).toBe('b8ef4acc2e5830fa6ec303c93a833de2300ba223109bc21e8a0b4f6884917897');
  });

  const changes: { [Field in keyof EngineProfile]: EngineProfile[Field] } = {
    runtime: 'deno',
    runtimeVersion: '26.10.1',
    v8Version: '14.6.202.34-node.18',
    jcoVersion: '0.15.1',
    meteringVersion: '2',
    platform: 'darwin',
    architecture: 'arm64',
    libc: 'musl',
    cpuPolicy: 'native',
    cpuFeatures: ['avx2'],
    configuration: { metering: 'deadline', jspi: 'off' },
  };

  it.each(Object.entries(changes))('changes with %s', (field, value) => {
    expect(engineProfileId({ ...testProfile, [field]: value })).not.toBe(engineProfileId(testProfile));
  });

  it('has a change for every field', () => {
    expect(Object.keys(changes).toSorted()).toEqual(Object.keys(testProfile).toSorted());
  });

  it.each([
    ['a text moving into the next field', { runtimeVersion: '26.10.014', v8Version: '.6.202.33-node.18' }],
    [
      'an entry moving from one list to the next',
      { cpuFeatures: ['metering', 'fuel'], configuration: { jspi: 'off' } },
    ],
    ['a name moving into its value', { configuration: { jspi: 'off', meter: 'ingfuel' } }],
    ['one setting more', { configuration: { ...testProfile.configuration, extra: '' } }],
    ['name and value changing places', { configuration: { jspi: 'off', fuel: 'metering' } }],
  ])('changes with %s', (_, change) => {
    expect(engineProfileId({ ...testProfile, ...change })).not.toBe(engineProfileId(testProfile));
  });

  it('does not depend on the order in which settings and features are given', () => {
    const turned = { ...native, cpuFeatures: ['crc32', 'neon'], configuration: { b: '2', a: '1' } };
    expect(engineProfileId(turned)).toBe(engineProfileId({ ...native, configuration: { a: '1', b: '2' } }));
  });

  it('differs for any two different lists of fields', () => {
    const text = fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', '\0', '\u0001', 'é') });
    const profiles = fc.record({
      runtime: text,
      runtimeVersion: text,
      v8Version: text,
      jcoVersion: text,
      meteringVersion: text,
      platform: text,
      architecture: text,
      libc: text,
      cpuPolicy: fc.constantFrom('baseline' as const, 'native' as const),
      cpuFeatures: fc.uniqueArray(text, { maxLength: 3 }).map((list) => list.toSorted()),
      configuration: fc.dictionary(text, text, { maxKeys: 3 }),
    });
    fc.assert(
      fc.property(profiles, profiles, (one, other) => {
        const sorted = ({ configuration, ...rest }: EngineProfile): unknown => ({
          ...rest,
          configuration: Object.entries(configuration).toSorted(([a], [b]) => (a < b ? -1 : 1)),
        });
        const equal = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
        expect(engineProfileId(one) === engineProfileId(other)).toBe(equal);
      }),
    );
  });
});

describe('currentEngineProfiles', () => {
  const engine = { jcoVersion: '0.15.0', meteringVersion: '1', configuration: { jspi: 'off' } };

  it('names this process', () => {
    const profile = currentEngineProfiles(engine).fuel;
    expect(profile).toMatchObject({
      runtimeVersion: process.versions.node,
      v8Version: process.versions.v8,
      platform: process.platform,
      architecture: process.arch,
      cpuPolicy: 'baseline',
      cpuFeatures: [],
    });
    // The slow way of finding out the C library is the reference for the fast one.
    const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
    const libc = process.platform === 'linux' ? (report.header.glibcVersionRuntime ? 'glibc' : 'musl') : '';
    expect(profile.libc).toBe(libc);
  });

  it('differs between the metering modes', () => {
    const { fuel, deadline } = currentEngineProfiles(engine);
    expect(fuel.configuration).toEqual({ jspi: 'off', metering: 'fuel' });
    expect(deadline.configuration).toEqual({ jspi: 'off', metering: 'deadline' });
    expect(engineProfileId(fuel)).not.toBe(engineProfileId(deadline));
  });

  it('asks for the CPU under the native policy', () => {
    expect(currentEngineProfiles({ ...engine, cpuPolicy: 'native' }).fuel.cpuFeatures.length).toBeGreaterThan(0);
  });

  it('is read back from the file beside the entries, and only as the profile of its own id', () => {
    const profile = currentEngineProfiles(engine).fuel;
    const json = JSON.stringify(profile);
    expect(describesProfile(json, engineProfileId(profile))).toBe(true);
    expect(describesProfile(json, engineProfileId(testProfile))).toBe(false);
    for (const wrong of ['', '{', 'null', '[]', '{}', JSON.stringify({ ...profile, cpuFeatures: [1] })]) {
      expect(describesProfile(wrong, engineProfileId(profile))).toBe(false);
    }
  });
});
