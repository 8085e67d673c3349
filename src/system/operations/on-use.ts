// Operations that a program that only runs components never calls. Each is imported when it is called, so that a start does not
// wait for the registry, the portable cache and their packages.

import type * as worlds from './exported-world.ts';
import type * as inspection from './inspect.ts';
import type * as metering from './meter.ts';
import type * as portable from './portable-cache.ts';
import type * as projects from './project.ts';
import type * as registry from './registry.ts';
import type * as sources from './source-build.ts';
import type * as declarations from './types.ts';
import type * as comments from './wit-comments.ts';

const portableCache = (): Promise<typeof portable> => import('./portable-cache.ts');

export const pushBundle: typeof portable.pushBundle = async (options) => (await portableCache()).pushBundle(options);
export const pullBundle: typeof portable.pullBundle = async (options) => (await portableCache()).pullBundle(options);
export const checkBundle: typeof portable.checkBundle = async (options) => (await portableCache()).checkBundle(options);
export const checkWorkingTree: typeof portable.checkWorkingTree = async (path, tree, producer) =>
  (await portableCache()).checkWorkingTree(path, tree, producer);
export const inspectBundle: typeof portable.inspectBundle = async (path, producer) =>
  (await portableCache()).inspectBundle(path, producer);

export const openRegistry: typeof registry.openRegistry = async (options) =>
  (await import('./registry.ts')).openRegistry(options);
export const interfaceOf: typeof registry.interfaceOf = async (file, select) =>
  (await import('./registry.ts')).interfaceOf(file, select);
export const openEmbedder: typeof registry.openEmbedder = async (address, apiKey) =>
  (await import('./registry.ts')).openEmbedder(address, apiKey);

export const inspectComponent: typeof inspection.inspectComponent = async (...given) =>
  (await import('./inspect.ts')).inspectComponent(...given);
export const exportedWorldOf: typeof worlds.exportedWorldOf = async (...given) =>
  (await import('./exported-world.ts')).exportedWorldOf(...given);
export const declareTypes: typeof declarations.declareTypes = async (...given) =>
  (await import('./types.ts')).declareTypes(...given);
export const meterFile: typeof metering.meterFile = async (...given) =>
  (await import('./meter.ts')).meterFile(...given);

export const newActor: typeof projects.newActor = async (...given) => (await import('./project.ts')).newActor(...given);
export const bundleForNode: typeof projects.bundleForNode = async (...given) =>
  (await import('./project.ts')).bundleForNode(...given);
export const buildActor: typeof projects.buildActor = async (project, options) =>
  (await import('./project.ts')).buildActor(project, options);
export const buildSource: typeof sources.buildSource = async (...given) =>
  (await import('./source-build.ts')).buildSource(...given);
export const readManifest: typeof projects.readManifest = async (file) =>
  (await import('./project.ts')).readManifest(file);

export const readWitComments: typeof comments.readWitComments = async (path) =>
  (await import('./wit-comments.ts')).readWitComments(path);
