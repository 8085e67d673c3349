import type { ValueType } from '#wasm';
import { block, documented } from './lines.ts';
import type { NamedType } from './spaces.ts';
import { caseNames, type TypeTexts } from './type-texts.ts';
import type { WitDocs } from './wit-docs.ts';

/** Declares a type that is no resource under its name: a record is an interface, each other type an alias. */
export function declaredStructure(named: NamedType, type: ValueType, docs: WitDocs, texts: TypeTexts): string {
  const { wit, name, of } = named;
  const doc = docs.of(of.owner, wit);
  if (type.kind !== 'record') {
    const cases = docs.ofCases(of.owner, wit, caseNames(type));
    return documented(doc, `export type ${name} = ${texts.structure(type)};`, cases);
  }
  const fields = type.fields.map((field) => documented(docs.of(of.owner, wit, field.name), `${texts.field(field)};`));
  return documented(doc, block(`export interface ${name}`, fields));
}
