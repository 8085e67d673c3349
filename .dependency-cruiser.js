/**
 * The layers of `src/`. A folder is a concept and its `index.ts` its only door; imports run downwards only.
 * `may` is the table of ARCHITECTURE.md. A port that is missing is added to core; a rule is never relaxed.
 */
export const may = {
  core: [],
  guest: [],
  files: [],
  processes: ['core'],
  wasm: ['core'],
  security: ['core', 'files'],
  metering: ['core', 'wasm'],
  runtime: ['core', 'files', 'processes', 'wasm', 'security'],
  messaging: ['core', 'security'],
  supervision: ['core'],
  cache: ['core', 'files'],
  bundle: ['core', 'files', 'processes', 'security'],
  registry: ['core', 'files', 'wasm', 'security'],
  delegation: ['core'],
  storage: ['core'],
  project: ['core', 'files'],
  system: [
    'core',
    'files',
    'processes',
    'wasm',
    'security',
    'metering',
    'runtime',
    'messaging',
    'supervision',
    'cache',
    'bundle',
    'registry',
    'delegation',
    'storage',
    'project',
  ],
  testing: ['core', 'system'],
  server: ['core', 'files', 'system'],
  cli: ['core', 'files', 'system', 'server'],
};

/** A folder of several concepts gives each a door of its own; imports between them run downwards only. */
export const parts = {
  'system/operations': [],
  'server/observability': [],
  'server/mcp': [],
  'server/management': ['server/mcp'],
  'server/config': ['server/management'],
  'core/text': [],
  'core/errors': ['core/text'],
  'core/options': ['core/text', 'core/errors'],
  'core/limits': ['core/errors', 'core/options'],
  'core/messages': ['core/text', 'core/errors'],
  'core/queue': [],
  'core/event-loop': [],
  'core/waiting': ['core/event-loop'],
  'core/ports': ['core/errors', 'core/limits', 'core/messages', 'core/waiting'],
  'security/signers': [],
  'security/signatures': ['security/signers'],
  'security/keys': ['security/signers', 'security/signatures'],
  'security/audit': ['security/keys'],
  'security/authority': [],
  'security/access': ['security/authority'],
  'metering/operators': [],
  'metering/survey': ['metering/operators'],
  'metering/plan': ['metering/survey'],
  'metering/startup': [],
  'metering/assembly': ['metering/plan'],
  'metering/body': ['metering/operators', 'metering/survey', 'metering/plan', 'metering/assembly'],
  'metering/sections': ['metering/plan', 'metering/startup', 'metering/assembly', 'metering/body'],
  'metering/tank': [],
  'runtime/names': [],
  'runtime/exports': ['runtime/names'],
  'runtime/declarations': ['runtime/names', 'runtime/exports'],
  'runtime/resources': ['runtime/names'],
  'runtime/host': ['runtime/names', 'runtime/resources'],
  'runtime/exchange': [],
  'runtime/tasks': ['runtime/exchange'],
  'runtime/execution': ['runtime/host'],
  'runtime/code': ['runtime/names', 'runtime/exports', 'runtime/resources', 'runtime/host', 'runtime/tasks'],
  'runtime/direct': [
    'runtime/exports',
    'runtime/resources',
    'runtime/host',
    'runtime/exchange',
    'runtime/tasks',
    'runtime/execution',
    'runtime/code',
  ],
  'runtime/build': ['runtime/direct'],
  'runtime/planning': [
    'runtime/exports',
    'runtime/resources',
    'runtime/host',
    'runtime/exchange',
    'runtime/direct',
    'runtime/build',
  ],
  'runtime/transpile': ['runtime/direct', 'runtime/build', 'runtime/planning'],
  'runtime/loaders': [],
  'runtime/wasi': ['runtime/host', 'runtime/execution'],
  'runtime/actor': ['runtime/host', 'runtime/wasi'],
  'runtime/store': [
    'runtime/exports',
    'runtime/resources',
    'runtime/host',
    'runtime/exchange',
    'runtime/tasks',
    'runtime/execution',
    'runtime/code',
    'runtime/direct',
  ],
  'runtime/engine': [
    'runtime/names',
    'runtime/exports',
    'runtime/resources',
    'runtime/host',
    'runtime/execution',
    'runtime/code',
    'runtime/direct',
    'runtime/planning',
    'runtime/actor',
    'runtime/store',
  ],
};

/** Parts of which other folders may import the door; those of all others are for their own folder alone. */
export const outerParts = Object.keys(parts).filter(
  (part) =>
    /^(core|security|system)\//.test(part) ||
    [
      'metering/tank',
      'runtime/declarations',
      'runtime/loaders',
      'runtime/planning',
      'runtime/resources',
      'runtime/transpile',
      'server/management',
      'server/mcp',
    ].includes(part),
);

/** The door of a folder or part. Of the ports, each file is one, so that an import says which port it is of. */
const doorOf = (at) => (at === 'core/ports' ? `^src/${at}/[^/]+\\.ts$` : `^src/${at}/index\\.ts$`);

/** The files by which a folder, and each part of it, is imported. */
const doors = (folder) => [folder, ...outerParts.filter((part) => part.startsWith(`${folder}/`))].map(doorOf);

const layers = Object.entries(may).map(([folder, allowed]) => ({
  name: `layer-${folder}`,
  comment: `src/${folder} may import ${allowed.join(', ') || 'nothing'} only. What it needs of another folder is a port in core, which src/system joins.`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: [`^src/${folder}/`, ...allowed.flatMap(doors)] },
}));

const partLayers = Object.entries(parts).map(([part, allowed]) => ({
  name: `layer-${part.replace('/', '-')}`,
  comment: `Of its own folder, src/${part} may import ${allowed.join(', ') || 'no other part'}, by its door, and what lies beside the parts.`,
  severity: 'error',
  from: { path: `^src/${part}/` },
  to: {
    path: `^src/${part.split('/')[0]}/[^/]+/`,
    pathNot: [`^src/${part}/`, ...allowed.map(doorOf)],
  },
}));

export default {
  forbidden: [
    ...layers,
    ...partLayers,
    {
      name: 'operations-above-composition',
      comment: 'What single commands do stands on the composition. The composition of a runtime needs none of it.',
      severity: 'error',
      from: { path: '^src/system/[^/]+$' },
      to: { path: '^src/system/operations/' },
    },
    {
      name: 'tools-below',
      comment:
        'Benches, scripts and tests share what lies in tools. It needs none of them, and they need none of each other.',
      severity: 'error',
      from: { path: '^(tools|bench|scripts|test)/' },
      to: { path: '^(bench|scripts|test)/', pathNot: '^$1/' },
    },
    {
      name: 'one-door',
      comment: "A folder's index.ts is its only door, or those of its parts: import '#folder', never a file inside it.",
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/([^/]+)/',
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', ...outerParts.map(doorOf)],
      },
    },
    {
      name: 'core-has-no-io',
      comment:
        'src/core holds types and ports. What touches files, the network or the clock implements a port elsewhere. Which AsyncLocalStorage values the running code has is nothing outside of the process, so async_hooks is no I/O.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-optional', 'npm-peer'], pathNot: '^(node:)?async_hooks$' },
    },
    {
      name: 'pure-formats',
      comment:
        'src/wasm, src/metering and src/guest compute on bytes: no files, no network. I/O belongs to their callers.',
      severity: 'error',
      from: { path: '^src/(wasm|metering|guest)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'tsyringe-in-system-only',
      comment: 'Wiring happens in one place. Take what you need as a constructor argument.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/system/' },
      to: { path: '(^|node_modules/)(tsyringe|reflect-metadata)(/|$)' },
    },
    {
      name: 'no-circular',
      comment: 'Two files that need each other hold one concept, or miss a third file that both need.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that resolves to nothing would hide a broken layer.',
      severity: 'error',
      from: { path: '^src/' },
      // A guest imports WIT interfaces, which the component's host gives and no file holds.
      to: { couldNotResolve: true, pathNot: '^(vivarium|wasi):' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
