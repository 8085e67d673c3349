export { type BuildOptions, type BuiltComponent, build, type GuestEngine } from './build.ts';
export { bundleForNode } from './bundle-actor.ts';
export { ProjectError, type ProjectErrorCode } from './errors.ts';
export { bundleForeignSource, componentizeBundle } from './foreign-source.ts';
export type { Language, Template } from './languages/index.ts';
export { type ActorManifest, parseManifest, readManifest } from './manifest.ts';
export { type ScaffoldOptions, scaffold } from './scaffold.ts';
export { readWitText } from './wit-text.ts';
