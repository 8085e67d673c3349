import { compileFunction } from 'node:vm';
import type { ArtifactExport, CompiledArtifact } from '#core/ports/artifact';
import type { CallPath } from '#core/ports/engine';
import { type ExportedFunction, type ExportIndex, exportIndexOf } from '#runtime/exports';
import type { HostState } from '#runtime/host';
import type { ResourceHolder } from '#runtime/resources';
import type { SideBySide } from '#runtime/tasks';
import { RuntimeError } from '../errors.ts';
import { type LiftBounds, TEXT_BYTES, TYPED_ARRAY_BYTES } from '../heap-cost.ts';
import { type Callable, glueFunction } from './glue-function.ts';
import { GlueResources } from './glue-resources.ts';
import type { GlueHostCall } from './host-call.ts';
import { glueMessages, type MessageCalls } from './message-calls.ts';
import { SHADOWED_GLOBALS } from './shadowed-globals.ts';

/** What the generated function returns: functions by name, and interfaces as objects of functions. */
export type ComponentExports = Readonly<Record<string, unknown>>;

/**
 * The store that an instance is made for. By `stop` the direct path ends it where its guest breaks the canonical ABI and could catch
 * an error. `hold` makes its table of resources, and `look` and `mostBytes` limit lifting on the direct path, as the lift guard does
 * in the glue. Only a test makes an instance for less than a whole store; host functions of ours need all of it.
 */
export type InstanceStore = Pick<HostState, 'stop'> & Partial<HostState & ResourceHolder & LiftBounds & CallOwner>;

/** Owns the calls that run side by side in a store; undefined for a store that serves one call at a time. */
export interface CallOwner {
  readonly sideBySide: SideBySide | undefined;
}

/**
 * jco's `instantiate`. It is synchronous, because the modules are compiled already and `instantiateCore` is synchronous. The last
 * two parameters are ours. `hostCalled` is called when a core module calls the host; the glue never calls it.
 */
export type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: Readonly<Record<string, unknown>>,
  instantiateCore: (module: WebAssembly.Module, imports?: WebAssembly.Imports) => { exports: WebAssembly.Exports },
  store?: InstanceStore,
  hostCalled?: () => void,
) => ComponentExports;

/** The code of a component. All its stores share it. */
export interface ComponentCode {
  readonly calls: CallPath;
  /** Whether its exports return promises, because the guest may be suspended in them. */
  readonly suspends: boolean;
  /** Whether it has asynchronous parts: a function may answer before its turn ends, and a store may serve several calls side by side. */
  readonly hasTasks: boolean;
  /** Why the glue must serve it, and what it imports that may have to wait; undefined on the direct path, or where the glue was asked for. */
  readonly glue?: { readonly why: string; readonly waits: readonly string[] } | undefined;
  readonly modules: ReadonlyMap<string, WebAssembly.Module>;
  readonly instantiate: Instantiate;
  /**
   * Gives a store core instances that were made by `instantiate` for another store and have been renewed: what they export, in the order
   * in which they were linked. Undefined where instances belong to one store for good.
   */
  readonly reuse?:
    | ((
        instances: readonly WebAssembly.Exports[],
        imports: Readonly<Record<string, unknown>>,
        store: InstanceStore,
      ) => ComponentExports)
    | undefined;
  readonly imports: readonly string[];
  readonly exports: readonly ArtifactExport[];
  /** The name of `vivarium:actor/lifecycle` among the exports; undefined if the component does not export it. */
  readonly lifecycle: string | undefined;
  /** The name of the exported interface whose function `handle` answers HTTP requests; undefined if there is none. */
  readonly handler: string | undefined;
  /** Returns the index of its exported functions, which is made at the first call by name. */
  readonly exportIndex: () => ExportIndex;
  /** Returns an exported function of an instance; undefined if the instance lacks it. */
  readonly functionOf: (instance: ComponentExports, exported: ExportedFunction) => Callable | undefined;
  /** How its stores take messages; undefined if the component does not export `vivarium:actor/lifecycle`. */
  readonly messages: MessageCalls | undefined;
}

const LIFECYCLE = /^vivarium:actor\/lifecycle@0\.[12]\.\d+$/;

export function lifecycleName(exports: readonly ArtifactExport[]): string | undefined {
  return exports.find(({ name, kind }) => kind === 'instance' && LIFECYCLE.test(name))?.name;
}

/** The interfaces by which components answer HTTP requests; the first of them that a component exports is called. */
const HANDLERS = [/^wasi:http\/handler@0\.3\.\d+$/, /^wasi:http\/incoming-handler@0\.2\.\d+$/];

export function handlerName(exports: readonly ArtifactExport[]): string | undefined {
  const instances = exports.filter(({ kind }) => kind === 'instance').map(({ name }) => name);
  return HANDLERS.flatMap((handler) => instances.filter((name) => handler.test(name)))[0];
}

/**
 * Evaluates an artifact's JavaScript as a function. The build checked the text, and the artifact is trusted. The few globals of the
 * host that the text may name are shadowed, so that it sees no process, no console and no network.
 */
export function componentCode(
  compiled: CompiledArtifact,
  lifted: LiftGuard,
  callHost: GlueHostCall,
  exported: () => string | undefined = () => undefined,
): ComponentCode {
  const { javascript, imports, exports } = compiled.artifact;
  if (javascript === '') {
    throw new RuntimeError(
      'RUNTIME_INVALID_COMPONENT',
      'the artifact has no glue, because the transpiler makes none for the component; it can only be called directly',
    );
  }
  const build = compileFunction(`'use strict'; return (${javascript});`, [...SHADOWED_GLOBALS], {
    filename: 'vivarium:component',
  });
  const shadows: Record<(typeof SHADOWED_GLOBALS)[number], unknown> = {
    process: undefined,
    globalThis: SHADOW_GLOBAL,
    console: SILENT_CONSOLE,
    fetch: undefined,
    URL: undefined,
    Response: undefined,
    TextDecoder: strictTextDecoder(lifted),
    // No guest code may run outside a turn, so the generated code gets nothing by which V8 would call it later.
    FinalizationRegistry: NeverRegistry,
    setTimeout: nothing,
    clearTimeout: nothing,
    setInterval: nothing,
    clearInterval: nothing,
    queueMicrotask: nothing,
    sliceMemory: memorySlicer(lifted),
    liftItem: lifted,
    callHost,
    vals: undefined,
  };
  const instantiate = build(...SHADOWED_GLOBALS.map((name) => shadows[name])) as Instantiate;
  const lifecycle = lifecycleName(exports);
  const messages = lifecycle === undefined ? undefined : glueMessages;
  const exportIndex = exportIndexOf(exported);
  const resources = new GlueResources(exportIndex);
  return {
    calls: 'glue',
    suspends: false,
    hasTasks: false,
    modules: compiled.modules,
    instantiate: (getCoreModule, given, instantiateCore, store) => {
      const instance = instantiate(getCoreModule, given, instantiateCore);
      resources.attach(instance, store?.hold === undefined ? undefined : (store as ResourceHolder));
      return instance;
    },
    imports,
    exports,
    lifecycle,
    handler: handlerName(exports),
    messages,
    exportIndex,
    functionOf: (instance, exported) => {
      const found = glueFunction(instance, exported);
      return found && resources.crossing(instance, exported, found);
    },
  };
}

const nothing = (): void => {};
const SILENT_CONSOLE = Object.freeze({ debug: nothing, error: nothing, log: nothing, warn: nothing });
/** Replaces `FinalizationRegistry`, by which the glue would call destructors of collected objects. The store calls them, in a turn. */
class NeverRegistry {
  register(): void {}
  unregister(): void {}
}
const SHADOW_GLOBAL = Object.freeze({ WebAssembly, process: undefined });

/** Receives the number of bytes that are about to be copied out of a guest. It may end the store. */
export type LiftGuard = (bytes: number) => void;

/** A decoder that ends the call for a string that is not UTF-8, because the specification demands a trap and no replacement character. */
function strictTextDecoder(lifted: LiftGuard): typeof TextDecoder {
  return class StrictTextDecoder extends TextDecoder {
    constructor(label?: string) {
      super(label, { fatal: true, ignoreBOM: true });
    }

    override decode(bytes: Uint8Array): string {
      lifted(bytes.byteLength + TEXT_BYTES);
      const text = super.decode(bytes);
      // V8 may need two bytes per character for a text that is not ASCII.
      if (text.length !== bytes.byteLength) lifted(bytes.byteLength);
      return text;
    }
  };
}

function memorySlicer(lifted: LiftGuard): (memory: ArrayBuffer, start: number, end: number) => ArrayBuffer {
  return (memory, start, end) => {
    const from = start >>> 0;
    const length = (end - start) >>> 0;
    if (from + length > memory.byteLength) throw new RangeError('a list lies outside memory');
    lifted(length + TYPED_ARRAY_BYTES);
    return memory.slice(from, from + length);
  };
}
