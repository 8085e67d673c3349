import { ATTACHED, type AttachedIndices } from '#core/ports/meter';
import { shownText } from '#core/text';
import { AppendedBody, type Assembly } from '#metering/assembly';
import { HOOKS } from '../hooks.ts';
import type { AddedExport } from './declarations.ts';

/** Appends attached code to the module, and returns the exports that it adds. */
export function attachedExports(assembly: Assembly): AddedExport[] {
  const { imports, functions } = assembly.attached;
  if (functions.length === 0) return [];
  const added = new Map(imports.map(({ name }, at) => [name, assembly.refill + HOOKS.functions.length + at]));
  const own = new Map(assembly.module.exports.map((each) => [each.kind === 'function' ? each.name : undefined, each]));
  const byName = new Map(functions.map((each) => [each.name, each]));
  const indices: AttachedIndices = {
    exported: (name) => {
      const found = own.get(name);
      if (found === undefined) throw new TypeError(`the module exports no function ${shownText(name)}`);
      return assembly.exported(found.index);
    },
    attached: (name) => {
      const known = added.get(name);
      if (known !== undefined) return known;
      const found = byName.get(name);
      if (found === undefined) throw new TypeError(`no function ${shownText(name)} is attached`);
      return assembly.appended.index(`attached.${name}`, assembly.typeOfAttached(found), () =>
        new AppendedBody().raw(found.body(indices)),
      );
    },
  };
  return functions
    .filter(({ exported }) => exported)
    .map(({ name }) => ({ name: `${ATTACHED}.${name}`, index: indices.attached(name) }));
}
