import { type ComponentHandle, formatComponentId } from '#core';
import { isVivariumError, messageOf } from '#core/errors';
import { boundedJson, parseForeignJson, printable, shownText } from '#core/text';
import { ComponentError, type ExportInfo, type JsonSchema, type Runtime } from '#system';
import { toolNames } from './tool-names.ts';

/** The parts of a runtime that tools need. */
export type ToolRuntime = Pick<Runtime, 'exports' | 'callJson' | 'grants'>;

/** Bounds on calls of tools; each has a default. */
export interface ToolOptions {
  /** The largest arguments of a call, in characters of JSON; 4 Mi by default. */
  readonly maxArgumentCharacters?: number | undefined;
  /** The largest answer of a call, in characters of JSON; 1 Mi by default. */
  readonly maxResultCharacters?: number | undefined;
  /** The number of calls at a time; 32 by default. One more is answered with an error at once. */
  readonly maxConcurrent?: number | undefined;
  /** Milliseconds until a call is given up; unlimited by default, since each turn has limits of its own. */
  readonly timeoutMs?: number | undefined;
  /** Comments by WIT name that replace those of the components. */
  readonly docs?: ((name: string) => string | undefined) | undefined;
  /** Whether the comments that components carry are shown to clients; true by default. */
  readonly descriptions?: boolean | undefined;
}

/** A function of a component, as MCP describes it. */
export interface ComponentTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: JsonSchema & { readonly type: 'object' };
  readonly outputSchema?: JsonSchema & { readonly type: 'object' };
  readonly annotations: { readonly readOnlyHint: boolean; readonly openWorldHint: boolean };
}

/** The answer of a tool. A failure is an answer as well, so that a model can read why and try again. */
export interface ToolAnswer {
  readonly text: string;
  /** The result in an object, as `outputSchema` describes it. */
  readonly structured?: Record<string, unknown>;
  readonly isError: boolean;
}

interface Target {
  readonly tool: ComponentTool;
  readonly handle: ComponentHandle;
  readonly exported: ExportInfo;
}

/** The longest comment and the longest text of a failure that a client is given, in characters. */
const MOST_OF_DESCRIPTION = 4_096;
const MOST_OF_FAILURE = 2_048;
/** Interfaces of the system, which are for hosts and not for models. */
const OF_SYSTEM = /^(?:wasi|vivarium):/;
/** The parameters of a function `init` that a componentizer leaves behind for itself. */
const OF_TOOLCHAIN = 'shim,script,entryPath,disableGc';

/** Offers the exported functions of components as tools. Each call is a turn within the limits and grants of its component. */
export class ComponentTools {
  readonly #runtime: ToolRuntime;
  readonly #handles: () => readonly ComponentHandle[];
  readonly #options: ToolOptions;
  #calls = 0;

  /** @param handles returns the components whose functions are offered now */
  constructor(runtime: ToolRuntime, handles: () => readonly ComponentHandle[], options: ToolOptions = {}) {
    this.#runtime = runtime;
    this.#handles = handles;
    this.#options = options;
  }

  list(): readonly ComponentTool[] {
    return this.#targets().map(({ tool }) => tool);
  }

  /** The names of functions that are no tools, because a value of theirs has no JSON form. */
  left(): readonly string[] {
    return this.#handles().flatMap((handle) =>
      this.#functions(handle).flatMap(({ name, json }) => (json === undefined ? [name] : [])),
    );
  }

  /** Calls a tool. Returns undefined if there is no tool of that name. */
  async call(
    name: string,
    args: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<ToolAnswer | undefined> {
    const target = this.#targets().find(({ tool }) => tool.name === name);
    if (target === undefined) return undefined;
    if (this.#calls >= (this.#options.maxConcurrent ?? 32)) return failure('too many calls run now; try again later');
    this.#calls++;
    try {
      return await this.#call(target, args, signal);
    } catch (error) {
      return failure(failureText(error, target.exported));
    } finally {
      this.#calls--;
    }
  }

  async #call(
    { handle, exported, tool }: Target,
    args: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<ToolAnswer> {
    const { parameters = [] } = exported.json ?? {};
    const wrong = wrongNames(parameters, args);
    if (wrong !== undefined) return failure(wrong);
    const given = parameters.map(({ name }) => (Object.hasOwn(args, name) ? args[name] : undefined));
    const most = this.#options.maxArgumentCharacters ?? 4 * 2 ** 20;
    const json = boundedJson(given, most);
    if (json === undefined) return failure(`the arguments are larger than ${most} characters of JSON`);
    const { timeoutMs } = this.#options;
    const bounds = timeoutMs === undefined ? { signal } : { signal, timeoutMs };
    const result = await this.#runtime.callJson(handle, { name: exported.name, ...bounds }, json);
    return this.#answer(result, tool.outputSchema !== undefined);
  }

  #answer(result: unknown, hasResult: boolean): ToolAnswer {
    if (!hasResult) return { text: 'done', isError: false };
    const most = this.#options.maxResultCharacters ?? 2 ** 20;
    const json = boundedJson({ result: result ?? null }, most);
    if (json === undefined) return failure(`the result is larger than ${most} characters of JSON; ask for less`);
    const structured = parseForeignJson(json, { maxLength: most, maxDepth: 200, maxItems: most }) as {
      readonly result: unknown;
    };
    const text = typeof structured.result === 'string' ? structured.result : JSON.stringify(structured.result);
    return { text, structured, isError: false };
  }

  #functions(handle: ComponentHandle): readonly ExportInfo[] {
    try {
      return this.#runtime.exports(handle).filter(isOffered);
    } catch (error) {
      // The component was unloaded, or its types cannot be read. Neither may hide the tools of the others.
      if (isVivariumError(error)) return [];
      throw error;
    }
  }

  #targets(): readonly Target[] {
    const found = this.#handles().flatMap((handle) =>
      this.#functions(handle)
        .filter(({ json }) => json !== undefined)
        .map((exported) => ({ handle, exported })),
    );
    const names = toolNames(
      found.map(({ handle, exported }) => ({ component: formatComponentId(handle.id), name: exported.name })),
    );
    return found.map((each, index) => ({ ...each, tool: this.#tool(names[index] as string, each) }));
  }

  #tool(name: string, { handle, exported }: Pick<Target, 'handle' | 'exported'>): ComponentTool {
    const { parameters = [], result } = exported.json ?? {};
    const grants = this.#runtime.grants(handle);
    const own = this.#options.descriptions === false ? undefined : exported.docs;
    const docs = this.#options.docs?.(exported.name) ?? own;
    return {
      name,
      title: exported.name,
      description: cut(printable(docs ?? `Calls ${exported.name} of a component.`), MOST_OF_DESCRIPTION),
      inputSchema: {
        type: 'object',
        properties: Object.fromEntries(parameters.map(({ name: key, schema }) => [key, schema])),
        required: parameters.filter(({ required }) => required).map(({ name: key }) => key),
        additionalProperties: false,
      },
      ...(result === undefined
        ? {}
        : {
            outputSchema: { type: 'object', properties: { result }, required: ['result'], additionalProperties: false },
          }),
      // A component without grants can change nothing outside of itself, and reach nobody.
      annotations: { readOnlyHint: grants.length === 0, openWorldHint: grants.some(isOfNetwork) },
    };
  }
}

function isOffered({ name, json }: ExportInfo): boolean {
  if (OF_SYSTEM.test(name)) return false;
  return name !== 'init' || json?.parameters.map(({ name: parameter }) => parameter).join() !== OF_TOOLCHAIN;
}

function isOfNetwork(grant: string): boolean {
  return grant.startsWith('network:');
}

/** Says which arguments are missing or unknown. Types are checked where all calls check them. */
function wrongNames(
  parameters: readonly { readonly name: string; readonly required: boolean }[],
  args: Readonly<Record<string, unknown>>,
): string | undefined {
  const names = parameters.map(({ name }) => name);
  const unknown = Object.keys(args).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    return `there is no argument ${shownText(unknown)}; the arguments are ${names.join(', ') || 'none'}`;
  }
  const missing = parameters.find(({ name, required }) => required && !Object.hasOwn(args, name));
  return missing === undefined ? undefined : `the argument ${missing.name} is missing`;
}

/** Says why a call failed. What the component wrote is made harmless, and cut. */
function failureText(error: unknown, { json }: ExportInfo): string {
  if (!isVivariumError(error)) return 'the host failed to call the function';
  if (error instanceof ComponentError) {
    const payload = boundedJson(error.payload, MOST_OF_FAILURE);
    return `the function returned an error: ${printable(payload ?? error.message.slice(0, MOST_OF_FAILURE))}`;
  }
  const message = printable(messageOf(error).slice(0, MOST_OF_FAILURE));
  // Clients know arguments by their names and not by their numbers.
  const { argument } = error.details as { readonly argument?: number };
  const name = json?.parameters[(argument ?? 0) - 1]?.name;
  return `${error.code}: ${name === undefined ? message : message.replace(/^argument \d+/, `argument ${name}`)}`;
}

function failure(text: string): ToolAnswer {
  return { text: cut(text, MOST_OF_FAILURE), isError: true };
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text;
}
