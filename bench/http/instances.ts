import { meter } from '#metering';
import { planBuild } from '#runtime/planning';

const WARMING = 1_000;
const MEASURED = 4_000;
/** Instances that nothing refers to any more are collected meanwhile, as a server's would be. */
const EACH_ROUND = 64;

/**
 * The microseconds of processor time that V8 alone takes to make the core instances of a component, with imports that are ready and do
 * nothing. A host on V8 that makes instances for each request takes this for each, whatever else it does.
 */
export async function timeOfInstances(component: Uint8Array): Promise<number> {
  const make = maker(component);
  await repeated(WARMING, make);
  const before = process.cpuUsage();
  await repeated(MEASURED, make);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / MEASURED;
}

function maker(component: Uint8Array): () => void {
  const { calls, modules } = planBuild(component);
  if (!('direct' in calls)) throw new Error(`the component has no direct path: it ${calls.whyGlue}`);
  const compiled = modules.map(
    (bytes) => new WebAssembly.Module(meter.meterModule(bytes, 'fuel').bytes as Uint8Array<ArrayBuffer>),
  );
  const order = calls.direct.steps.map(({ module }) => compiled[module] as WebAssembly.Module);
  return () => {
    const made: WebAssembly.Exports[] = [];
    for (const module of order) made.push(new WebAssembly.Instance(module, importsOf(module, made)).exports);
  };
}

/** What the instances that were made before export under the same name, or else something of the kind that is wanted. */
function importsOf(module: WebAssembly.Module, made: readonly WebAssembly.Exports[]): WebAssembly.Imports {
  const imports: Record<string, WebAssembly.ModuleImports> = {};
  for (const { module: from, name, kind } of importsBy.get(module) ?? noted(module)) {
    imports[from] ??= {};
    imports[from][name] = made.find((exports) => name in exports)?.[name] ?? (kind === 'global' ? COUNTER : doNothing);
  }
  return imports;
}

const importsBy = new WeakMap<WebAssembly.Module, WebAssembly.ModuleImportDescriptor[]>();
const COUNTER = new WebAssembly.Global({ value: 'i64', mutable: true }, 0n);
const doNothing = (): number => 0;

function noted(module: WebAssembly.Module): WebAssembly.ModuleImportDescriptor[] {
  const imports = WebAssembly.Module.imports(module);
  importsBy.set(module, imports);
  return imports;
}

async function repeated(times: number, act: () => void): Promise<void> {
  for (let n = 0; n < times; n++) {
    act();
    if (n % EACH_ROUND === 0) await new Promise(setImmediate);
  }
}
