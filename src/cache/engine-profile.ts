import { hash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { MeteringMode } from '#core/ports/meter';
import { parseForeignJson } from '#core/text';
import { isProfileId } from './keys.ts';

/** `baseline`: artifacts run on any CPU of the architecture. `native`: only on CPUs with the same features. */
export type CpuPolicy = 'baseline' | 'native';

/**
 * Everything that must be equal for an artifact to be usable. Limits are not part of it, because a tank gets them when
 * a component starts; one artifact serves all limits.
 */
export interface EngineProfile {
  readonly runtime: string;
  readonly runtimeVersion: string;
  readonly v8Version: string;
  readonly jcoVersion: string;
  readonly meteringVersion: string;
  readonly platform: string;
  readonly architecture: string;
  /** `glibc` or `musl`; empty on platforms that have only one C library. */
  readonly libc: string;
  readonly cpuPolicy: CpuPolicy;
  /** The CPU's features in order of their names; empty under `baseline`. */
  readonly cpuFeatures: readonly string[];
  /** Every setting that changes what is built: metering mode, JSPI, transpile options. */
  readonly configuration: Readonly<Record<string, string>>;
}

/** What the engine says about itself. The rest of the profile is read from this process. */
export interface EngineDescription {
  readonly jcoVersion: string;
  readonly meteringVersion: string;
  readonly configuration: Readonly<Record<string, string>>;
  readonly cpuPolicy?: CpuPolicy | undefined;
}

/** The profiles of one engine, which builds different artifacts for the two metering modes. */
export type EngineProfiles = Readonly<Record<MeteringMode, EngineProfile>>;

/** Returns the profiles of this process with the given engine. This imports neither jco nor the meter. */
export function currentEngineProfiles(engine: EngineDescription): EngineProfiles {
  const profile = currentProfile(engine);
  const under = (metering: MeteringMode): EngineProfile => ({
    ...profile,
    configuration: { ...profile.configuration, metering },
  });
  return { fuel: under('fuel'), deadline: under('deadline') };
}

function currentProfile(engine: EngineDescription): EngineProfile {
  const cpuPolicy = engine.cpuPolicy ?? 'baseline';
  return {
    runtime: 'node',
    runtimeVersion: process.versions.node,
    v8Version: process.versions.v8,
    jcoVersion: engine.jcoVersion,
    meteringVersion: engine.meteringVersion,
    platform: process.platform,
    architecture: process.arch,
    libc: process.platform === 'linux' ? libcOf(process.execPath) : '',
    cpuPolicy,
    cpuFeatures: cpuPolicy === 'native' ? cpuFeatures() : [],
    configuration: { ...engine.configuration },
  };
}

/**
 * Returns the SHA-256 in hex of the fields in the order of `EngineProfile`. The length in bytes precedes each text and
 * the count precedes each list (32 bits, little endian), so no two profiles give the same bytes.
 */
export function engineProfileId(profile: EngineProfile): string {
  const parts: Uint8Array[] = [];
  const count = (value: number): void => {
    const four = Buffer.alloc(4);
    four.writeUInt32LE(value);
    parts.push(four);
  };
  const text = (value: string): void => {
    const bytes = Buffer.from(value, 'utf8');
    count(bytes.length);
    parts.push(bytes);
  };
  text('vivarium-engine-profile');
  text(profile.runtime);
  text(profile.runtimeVersion);
  text(profile.v8Version);
  text(profile.jcoVersion);
  text(profile.meteringVersion);
  text(profile.platform);
  text(profile.architecture);
  text(profile.libc);
  text(profile.cpuPolicy);
  const features = profile.cpuFeatures.toSorted();
  count(features.length);
  for (const feature of features) text(feature);
  const settings = Object.entries(profile.configuration).toSorted(([a], [b]) => (a < b ? -1 : 1));
  count(settings.length);
  for (const [name, value] of settings) {
    text(name);
    text(value);
  }
  return hash('sha256', Buffer.concat(parts), 'hex');
}

/** Parses a profile from the JSON beside its entries; undefined for any other text. */
export function parseEngineProfile(json: string): EngineProfile | undefined {
  let value: unknown;
  try {
    value = parseForeignJson(json, { maxLength: 2 ** 20 });
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const texts = ['runtime', 'runtimeVersion', 'v8Version', 'jcoVersion', 'meteringVersion', 'platform', 'architecture'];
  const { libc, cpuPolicy, cpuFeatures: features, configuration } = fields;
  if (![...texts.map((name) => fields[name]), libc].every((field) => typeof field === 'string')) return undefined;
  if (cpuPolicy !== 'baseline' && cpuPolicy !== 'native') return undefined;
  if (!Array.isArray(features) || !features.every((feature) => typeof feature === 'string')) return undefined;
  if (typeof configuration !== 'object' || configuration === null) return undefined;
  if (!Object.values(configuration).every((setting) => typeof setting === 'string')) return undefined;
  return value as EngineProfile;
}

/** Whether the JSON text describes the profile that `id` names. */
export function describesProfile(json: string, id: string): boolean {
  const profile = parseEngineProfile(json);
  return isProfileId(id) && profile !== undefined && engineProfileId(profile) === id;
}

/**
 * Returns the C library for which an ELF program was linked, from the path of its interpreter near the start of the
 * file. `process.report` knows it too, but takes tens of milliseconds.
 */
function libcOf(program: string): string {
  const start = Buffer.alloc(4096);
  try {
    const file = openSync(program, 'r');
    try {
      readSync(file, start, 0, start.length, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    return 'unknown';
  }
  if (start.includes('/ld-musl-')) return 'musl';
  return start.includes('/ld-linux') || start.includes('/ld64.so') ? 'glibc' : 'unknown';
}

/** Linux reports the features. On other systems the name of the CPU model represents them. */
function cpuFeatures(): readonly string[] {
  try {
    const [, flags] = /^(?:flags|Features)[\t ]*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? [];
    if (flags !== undefined) return flags.trim().split(/\s+/).toSorted();
  } catch {
    // This is not Linux, or there is no /proc: use the model.
  }
  return [process.getBuiltinModule('node:os').cpus()[0]?.model ?? 'unknown'];
}
