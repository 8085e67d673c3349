import type { FuncType, ValueType } from '#wasm';
import { type Code, isNestedOption, key, type MemoryAccess, tagsOf, text } from './code.ts';
import { payloadsOf } from './layout.ts';

type HandleType = Extract<ValueType, { kind: 'own' | 'borrow' }>;

/*
 * This file writes the code that concerns resources alone: the built-in functions for handles, destructors, and the check
 * of resources that an embedder gives as arguments.
 */

/** The text of `resource.new`, which makes a handle for the number that the instance passes. */
export function newCode(instance: number, resource: number): string {
  return builtinCode('representation', instance, `return s.handles[${instance}].add(${resource}, representation | 0);`);
}

/** The text of `resource.rep`, which an instance may call at any time. */
export function representationCode(instance: number, resource: number): string {
  return `function (handle) {
const s = execution.running.entry;
try { return s.handles[${instance}].representation(handle >>> 0, ${resource}); } catch (thrown) { return s.fail(thrown); }
}`;
}

/** The text of `resource.drop` for a resource of the host. @param name how errors name this drop */
export function dropHostCode(instance: number, resource: number, name: string): string {
  return builtinCode(
    'handle',
    instance,
    `const dropped = s.handles[${instance}].drop(handle >>> 0, ${resource});
if (dropped.own) abi.dispose(dropped.representation, ${JSON.stringify(name)});`,
  );
}

/**
 * The text of `resource.drop` for a resource that a component instance defines.
 * @param entering the component instances that its destructor enters
 * @param destructor an expression for the destructor; undefined where the resource has none
 */
export function dropCode(
  instance: number,
  resource: number,
  entering: readonly number[],
  destructor: string | undefined,
): string {
  const drop = `s.handles[${instance}].drop(handle >>> 0, ${resource})`;
  if (destructor === undefined) return builtinCode('handle', instance, `${drop};`);
  return builtinCode(
    'handle',
    instance,
    `const dropped = ${drop};
if (dropped.own) {
${enterCode(entering)}
${destructor}(dropped.representation);
${leaveCode(entering)}
}`,
  );
}

/** The same in a component with asynchronous parts. @param definedBy the component instance that defines the resource */
export function dropTaskCode(instance: number, resource: number, definedBy: number, destructor: string): string {
  return builtinCode(
    'handle',
    instance,
    `const dropped = s.handles[${instance}].drop(handle >>> 0, ${resource});
if (dropped.own) abi.tasks.destroy(s, ${definedBy}, ${instance}, ${destructor}, dropped.representation);`,
  );
}

/** The text of the function that destroys a resource when the embedder releases it. The function runs in a turn. */
export function destroyCode(entering: readonly number[], destructor: string | undefined): string {
  if (destructor === undefined) return 'function () {}';
  return `function (s, representation) {
${enterCode(entering)}
${destructor}(representation);
${leaveCode(entering)}
}`;
}

function builtinCode(parameter: string, instance: number, body: string): string {
  return `function (${parameter}) {
const s = execution.running.entry;
try {
if (s.locked${instance} || x.locked) abi.mayNotLeave();
${body}
} catch (thrown) { return s.fail(thrown); }
}`;
}

/** Writes the entry into component instances, which traps when one of them is running. */
export function enterCode(entering: readonly number[]): string {
  if (entering.length === 0) return '';
  const running = entering.map((instance) => `s.entered${instance}`).join(' || ');
  return `if (${running}) abi.reentered();\n${entering.map((instance) => `s.entered${instance} = true;`).join(' ')}`;
}

export function leaveCode(entering: readonly number[]): string {
  return entering.map((instance) => `s.entered${instance} = false;`).join(' ');
}

/**
 * Writes code that checks the resources among an embedder's arguments before the call enters a component instance, because
 * a wrong one is the caller's mistake. The code marks resources that the component defines as given away or lent. Answers
 * whether it marks any, so that the call must end with `endCall`.
 */
export function claimCode(code: Code, access: MemoryAccess, type: FuncType, names: readonly string[]): boolean {
  const types = type.params.map((param) => param.type);
  const uses = types.flatMap(resourcesIn).map((part) => access.resource(part).as);
  if (uses.every((as) => as === 'number')) return false;
  code.line('try {');
  types.forEach((each, index) => {
    claimValue(code, access, each, names[index] as string, index + 1);
  });
  if (!uses.includes('given object')) {
    code.line('} catch (thrown) { abi.refused(thrown); }');
    return false;
  }
  code.line('} catch (thrown) { s.given.disclaim(); abi.refused(thrown); }');
  return true;
}

function claimValue(code: Code, access: MemoryAccess, type: ValueType, value: string, argument: number): void {
  if (resourcesIn(type).length === 0) return;
  switch (type.kind) {
    case 'own':
    case 'borrow': {
      const { id, as } = access.resource(type);
      if (as === 'host object') code.line(`abi.argument(${value}, s.classes[${id}], ${argument});`);
      else code.line(`s.given.claim(types[${id}], ${value}, ${type.kind === 'own'}, ${argument});`);
      return;
    }
    case 'record':
      for (const field of type.fields) {
        claimValue(code, access, field.type, code.let(`${value}[${key(field.name)}]`), argument);
      }
      return;
    case 'tuple':
      type.elements.forEach((element, index) => {
        claimValue(code, access, element, code.let(`${value}[${index}]`), argument);
      });
      return;
    case 'list': {
      const item = code.name();
      code.line(`for (const ${item} of abi.asList(${value})) {`);
      claimValue(code, access, type.element, item, argument);
      code.line('}');
      return;
    }
    case 'option':
    case 'variant':
    case 'result':
      claimCase(code, access, type, value, argument);
      return;
    default:
      throw new TypeError(`a ${type.kind} holds no resources`);
  }
}

function claimCase(
  code: Code,
  access: MemoryAccess,
  type: Extract<ValueType, { kind: 'option' | 'variant' | 'result' }>,
  value: string,
  argument: number,
): void {
  if (type.kind === 'option' && !isNestedOption(type)) {
    code.line(`if (${value} !== undefined && ${value} !== null) {`);
    claimValue(code, access, type.element, value, argument);
    code.line('}');
    return;
  }
  const payloads = payloadsOf(type);
  code.line(`switch (abi.tag(${value})) {`);
  tagsOf(type).forEach((tag, index) => {
    const payload = payloads[index];
    if (payload === undefined) return;
    code.line(`case ${text(tag)}: {`);
    claimValue(code, access, payload, code.let(`${value}.val`), argument);
    code.line('break; }');
  });
  code.line('}');
}

/** The types of the handles that a value of the type may hold. */
export function resourcesIn(type: ValueType): readonly HandleType[] {
  switch (type.kind) {
    case 'own':
    case 'borrow':
      return [type as HandleType];
    case 'record':
      return type.fields.flatMap((field) => resourcesIn(field.type));
    case 'tuple':
      return type.elements.flatMap(resourcesIn);
    case 'variant':
    case 'result':
      return payloadsOf(type).flatMap((payload) => (payload === undefined ? [] : resourcesIn(payload)));
    case 'list':
    case 'option':
      return resourcesIn(type.element);
    default:
      return [];
  }
}
