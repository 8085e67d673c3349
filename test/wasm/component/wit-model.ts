import fc from 'fast-check';

/** A WIT interface as data, so that it can be written in different ways and changed in one place. */
export interface WitModel {
  readonly version: string;
  readonly types: readonly { readonly name: string; readonly body: WitBody }[];
  readonly funcs: readonly WitFunc[];
}

export interface WitFunc {
  readonly name: string;
  readonly params: readonly WitField[];
  readonly result: string | undefined;
}

export interface WitField {
  readonly name: string;
  readonly type: string;
}

export type WitBody =
  | { readonly kind: 'record' | 'variant'; readonly items: readonly WitField[] }
  | { readonly kind: 'enum' | 'flags'; readonly items: readonly string[] };

const PRIMITIVES = ['bool', 'u8', 's16', 'u32', 's64', 'u64', 'f32', 'f64', 'char', 'string'];
const label = fc.stringMatching(/^[a-z][a-z0-9]{0,3}(-[a-z0-9]{1,3})?$/).map((name) => `x${name}`);
/** Names that differ in hyphens alone are the same one to a component. */
const unhyphened = (name: string): string => name.replaceAll('-', '');
const labels = fc.uniqueArray(label, { minLength: 1, maxLength: 4, selector: unhyphened });

function typeOver(names: readonly string[]): fc.Arbitrary<string> {
  const { type } = fc.letrec<{ type: string }>((tie) => ({
    type: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(...PRIMITIVES, ...names),
      tie('type').map((inner) => `list<${inner}>`),
      tie('type').map((inner) => `option<${inner}>`),
      fc.tuple(tie('type'), tie('type')).map(([ok, error]) => `result<${ok}, ${error}>`),
      fc.tuple(tie('type'), tie('type')).map((elements) => `tuple<${elements.join(', ')}>`),
    ),
  }));
  return type;
}

function fieldsOver(names: readonly string[]): fc.Arbitrary<WitField[]> {
  return fc
    .tuple(labels, fc.array(typeOver(names), { minLength: 4, maxLength: 4 }))
    .map(([fields, types]) => fields.map((name, index) => ({ name, type: types[index] as string })));
}

function bodyOver(names: readonly string[]): fc.Arbitrary<WitBody> {
  return fc.oneof(
    fc.record({ kind: fc.constantFrom('record' as const, 'variant' as const), items: fieldsOver(names) }),
    fc.record({ kind: fc.constantFrom('enum' as const, 'flags' as const), items: labels }),
  );
}

export const witModel: fc.Arbitrary<WitModel> = fc
  .uniqueArray(label, { minLength: 3, maxLength: 6, selector: unhyphened })
  .chain((names) => {
    const cut = Math.floor(names.length / 2);
    const typeNames = names.slice(0, cut).map((name) => `t-${name}`);
    // A type may use those before it, so that no type holds itself.
    const types = typeNames.map((name, index) => bodyOver(typeNames.slice(0, index)).map((body) => ({ name, body })));
    const funcs = names
      .slice(cut)
      .map((name) =>
        fc
          .tuple(fieldsOver(typeNames), fc.option(typeOver(typeNames), { nil: undefined }))
          .map(([params, result]) => ({ name: `f-${name}`, params, result })),
      );
    return fc.record({
      version: fc.constantFrom('1.0.0', '0.2.3', '2.10.1-rc.1'),
      types: fc.tuple(...types) as fc.Arbitrary<WitModel['types']>,
      funcs: fc.tuple(...funcs) as fc.Arbitrary<WitModel['funcs']>,
    });
  });

/** The model as WIT text of a world that exports it. `scramble` reverses definitions and sprinkles comments. */
export function witText({ version, types, funcs }: WitModel, scramble = false): string {
  const lines = [
    ...types.map(
      ({ name, body }) => `${body.kind} ${name} { ${body.items.map((item) => itemText(body, item)).join(', ')} }`,
    ),
    ...funcs.map(({ name, params, result }) => {
      const answer = result === undefined ? '' : ` -> ${result}`;
      return `${name}: func(${params.map((each) => `${each.name}: ${each.type}`).join(', ')})${answer};`;
    }),
  ];
  const body = scramble ? lines.toReversed().map((line) => `/// What this is for.\n// a remark\n${line}`) : lines;
  const other = scramble ? 'interface other { type unused = list<u8>; log: func(text: string); }' : '';
  return `package t:t@${version};
    ${other}
    interface api { ${body.join('\n')} }
    world w { ${scramble ? 'import other;' : ''} export api; }`;
}

function itemText(body: WitBody, item: WitField | string): string {
  if (typeof item === 'string') return item;
  return body.kind === 'record' ? `${item.name}: ${item.type}` : `${item.name}(${item.type})`;
}

/** The model with one thing changed: a name, a type, or the version. */
export const changes: readonly [what: string, change: (model: WitModel) => WitModel][] = [
  ['the version', (model) => ({ ...model, version: '9.9.9' })],
  ["a type's name", (model) => renameType(model)],
  ["a function's name", (model) => withFunc(model, (func) => ({ ...func, name: 'f-renamed' }))],
  [
    "a parameter's name",
    (model) =>
      withFunc(model, (func) => ({ ...func, params: first(func.params, (each) => ({ ...each, name: 'renamed' })) })),
  ],
  [
    "a parameter's type",
    (model) =>
      withFunc(model, (func) => ({
        ...func,
        params: first(func.params, (each) => ({ ...each, type: `list<${each.type}>` })),
      })),
  ],
  [
    "a function's result",
    (model) =>
      withFunc(model, (func) => ({ ...func, result: func.result === undefined ? 'u8' : `option<${func.result}>` })),
  ],
  ["a type's first part", (model) => withType(model, (body) => renameItem(body))],
  ['a type by one part more', (model) => withType(model, (body) => appendItem(body))],
  [
    'a function more',
    (model) => ({ ...model, funcs: [...model.funcs, { name: 'f-more', params: [], result: undefined }] }),
  ],
];

function first<T>(items: readonly T[], change: (item: T) => T): T[] {
  return items.map((item, index) => (index === 0 ? change(item) : item));
}

function withFunc(model: WitModel, change: (func: WitFunc) => WitFunc): WitModel {
  return { ...model, funcs: first(model.funcs, change) };
}

function withType(model: WitModel, change: (body: WitBody) => WitBody): WitModel {
  return { ...model, types: first(model.types, ({ name, body }) => ({ name, body: change(body) })) };
}

function renameItem(body: WitBody): WitBody {
  if (body.kind === 'record' || body.kind === 'variant') {
    return { kind: body.kind, items: first(body.items, (item) => ({ ...item, name: 'renamed' })) };
  }
  return { kind: body.kind, items: first(body.items as readonly string[], () => 'renamed') };
}

function appendItem(body: WitBody): WitBody {
  if (body.kind === 'record' || body.kind === 'variant') {
    return { kind: body.kind, items: [...body.items, { name: 'appended', type: 'u8' }] };
  }
  return { kind: body.kind, items: [...(body.items as readonly string[]), 'appended'] };
}

function renameType(model: WitModel): WitModel {
  const old = model.types[0]?.name as string;
  const text = JSON.stringify(model).replaceAll(new RegExp(`\\b${old}\\b(?!-)`, 'g'), 't-renamed');
  return JSON.parse(text, (key, value) => (key === 'result' && value === null ? undefined : value)) as WitModel;
}
