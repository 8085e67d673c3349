import { parseForeignJson } from '#core/text';
import type { ResourceType } from '#runtime/resources';
import type { HostFunction, HostSlot } from './host-slot.ts';

/**
 * The format of plans. It is part of the engine profile, so that no engine uses artifacts of another format. Raise it with
 * every change of the data below, of the code that plans hold, of what that code calls, of what metering attaches to core
 * modules, and of the layout of the exchange.
 */
export const CALL_PLAN_FORMAT = 31;

/** The plan of the largest component that can be built stays far below these bounds. */
const BOUNDS = { maxLength: 64 * 2 ** 20, maxDepth: 32, maxItems: 4_000_000 };

/** How a component is called: on the direct path or through the glue. */
export type CallPlan = { readonly direct: DirectPlan } | GluePlan;

export interface GluePlan {
  /** The reason, as half a sentence that follows "it". */
  readonly whyGlue: string;
  /** The runtime's own functions that the component imports and that may have to wait, by their WIT names, if there are any. */
  readonly waits?: readonly string[] | undefined;
}

/** What a core module is given for an import: one of the plan's own functions, or what an earlier module exports. */
export type Argument =
  | { readonly kind: 'trampoline'; readonly index: number }
  | { readonly kind: 'export'; readonly step: number; readonly name: string };

export interface PlannedStep {
  readonly module: number;
  /** A whole earlier instance by its step, or one of the plan's lists of items. */
  readonly args: readonly {
    readonly name: string;
    readonly value: { readonly step: number } | { readonly list: number };
  }[];
  /** The module's exported functions that the code of the plan uses, with the slot of each. */
  readonly funcs: readonly { readonly slot: number; readonly name: string }[];
  readonly memories: readonly { readonly slot: number; readonly name: string }[];
  readonly tables: readonly { readonly slot: number; readonly name: string }[];
  /** The numbers of its component instance's threads that the module reads and sets as globals. */
  readonly contexts: readonly { readonly slot: number; readonly instance: number }[];
  /** The adapters that metering attached to the module, if it attached any. */
  readonly adapters: readonly { readonly slot: number; readonly name: string }[];
}

export interface PlannedExport {
  /** The interface's name, or the function's. */
  readonly name: string;
  /** Index of a function, or of the class of an interface. */
  readonly target: { readonly func: number } | { readonly interface: number };
}

/** A resource type that a component defines, by its number. */
export interface PlannedResource extends ResourceType {
  readonly id: number;
  /** The component instance that defines it. */
  readonly definedBy: number;
}

/** Everything about a component's direct path that its stores share, as data and as text of JavaScript. */
export interface DirectPlan {
  readonly source: string;
  /** How many imports, and exports that are imports, may have to wait. */
  readonly waits: number;
  /** How many more imports may have to wait when the runtime's storage does not answer at once. */
  readonly storageWaits: number;
  readonly steps: readonly PlannedStep[];
  /** Lists of items by name. The plan holds a list once, however many core modules are given it. */
  readonly lists: readonly (readonly (readonly [string, Argument])[])[];
  readonly exports: readonly PlannedExport[];
  /** Every exported function by its WIT name, with the index of its code. */
  readonly functions: readonly { readonly name: string; readonly func: number }[];
  readonly host: readonly HostFunction[];
  /** Every interface, or function of the world itself, that an instance must be given. */
  readonly imports: readonly string[];
  /** The host's resource classes, by the number of the resource type. */
  readonly classes: readonly HostSlot[];
  /** The resource types that the component defines. Their numbers follow those of `classes`. */
  readonly resources: readonly PlannedResource[];
  /** The names that the artifact gives the core modules of the component's file, in the file's order. */
  readonly modules: readonly string[];
  /** How many component instances there are. Each has a handle table and flags of its own. */
  readonly instances: number;
  /** For a component with asynchronous parts, by component instance: the one around it, -1 for the outermost; else undefined. */
  readonly tasks?: readonly number[] | undefined;
  /** The numbers of threads that are globals, by component instance and slot, of 64 bits if `wide`. */
  readonly contexts?:
    | readonly { readonly instance: number; readonly slot: number; readonly wide: boolean }[]
    | undefined;
}

/**
 * The text of a plan, as an artifact keeps it.
 * @param exported what `describeExports` says of the exports; it stays a text, so that nobody parses it before it is needed
 */
export function encodeCallPlan(plan: CallPlan, exported?: string): string {
  return JSON.stringify({ format: CALL_PLAN_FORMAT, ...plan, exported });
}

/** The description of the exports in a plan's text; undefined where the text is of another format or has none. */
export function exportedIn(text: string): string | undefined {
  const value = parsed(text);
  return typeof value?.exported === 'string' ? value.exported : undefined;
}

/**
 * Reads a plan, or answers undefined where the text is no plan of this format. The artifact is trusted before anybody
 * reads the plan; this checks only the shape that the code which runs the plan takes for granted.
 */
export function decodeCallPlan(text: string): CallPlan | undefined {
  const value = parsed(text);
  if (value === undefined) return undefined;
  if (typeof value.whyGlue === 'string') {
    const { whyGlue, waits } = value;
    return isListOf(waits, (name) => typeof name === 'string') ? { whyGlue, waits: waits as string[] } : { whyGlue };
  }
  return isDirectPlan(value.direct) ? { direct: value.direct } : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = parseForeignJson(text, BOUNDS);
    return isObject(value) && value.format === CALL_PLAN_FORMAT ? value : undefined;
  } catch {
    return undefined;
  }
}

function isDirectPlan(value: unknown): value is DirectPlan {
  return (
    isObject(value) &&
    typeof value.source === 'string' &&
    isIndex(value.waits) &&
    isIndex(value.storageWaits) &&
    isListOf(value.steps, isStep) &&
    isListOf(value.lists, (list) => isListOf(list, isNamedArgument)) &&
    isListOf(value.exports, isExport) &&
    isListOf(value.functions, (each) => isNamed(each) && isIndex(each.func)) &&
    isListOf(value.host, (each) => isNamed(each) && isHostSlot(each)) &&
    isListOf(value.imports, (name) => typeof name === 'string') &&
    isListOf(value.classes, isHostSlot) &&
    isListOf(value.resources, isResource) &&
    isListOf(value.modules, (name) => typeof name === 'string') &&
    isIndex(value.instances) &&
    (value.tasks === undefined || isListOf(value.tasks, Number.isSafeInteger)) &&
    (value.contexts === undefined || isListOf(value.contexts, isContext))
  );
}

function isStep(value: unknown): boolean {
  return (
    isObject(value) &&
    isIndex(value.module) &&
    isListOf(value.args, (arg) => isNamed(arg) && isGiven(arg.value)) &&
    isListOf(value.funcs, (func) => isNamed(func) && isIndex(func.slot)) &&
    isListOf(value.memories, (memory) => isNamed(memory) && isIndex(memory.slot)) &&
    isListOf(value.tables, (table) => isNamed(table) && isIndex(table.slot)) &&
    isListOf(value.contexts, isContext) &&
    isListOf(value.adapters, (adapter) => isNamed(adapter) && isIndex(adapter.slot))
  );
}

function isContext(value: unknown): boolean {
  return isObject(value) && isIndex(value.slot) && isIndex(value.instance);
}

function isGiven(value: unknown): boolean {
  return isObject(value) && (isIndex(value.step) || isIndex(value.list));
}

function isNamedArgument(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [name, item] = value as unknown[];
  if (typeof name !== 'string' || !isObject(item)) return false;
  return item.kind === 'trampoline'
    ? isIndex(item.index)
    : item.kind === 'export' && isNamed(item) && isIndex(item.step);
}

function isExport(value: unknown): boolean {
  return isNamed(value) && isObject(value.target) && (isIndex(value.target.func) || isIndex(value.target.interface));
}

function isHostSlot(value: unknown): boolean {
  return isObject(value) && typeof value.from === 'string' && typeof value.property === 'string';
}

function isResource(value: unknown): boolean {
  return (
    isNamed(value) &&
    isIndex(value.id) &&
    isIndex(value.definedBy) &&
    typeof value.path === 'string' &&
    isListOf(value.methods, (method) => isNamed(method) && typeof method.property === 'string')
  );
}

function isNamed(value: unknown): value is Fields {
  return isObject(value) && typeof value.name === 'string';
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isListOf(value: unknown, holds: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(holds);
}

function isIndex(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
