import { consume } from './calls.ts';
import { type Emitter, part, pick } from './emitter.ts';
import { expression, indicesOf } from './expressions.ts';
import type { Plan } from './plan.ts';
import { sometimes, statements } from './statements.ts';
import { SIGNATURES, TAGS, type ValueType } from './types.ts';

type Statement = (e: Emitter, plan: Plan) => void;

/** Statements that throw and catch, in the encoding that the module uses; one module cannot hold both. */
export function exceptionStatements(e: Emitter): readonly Statement[] {
  switch (e.module.features.exceptions) {
    case 'none':
      return [];
    case 'legacy':
      return [throwTag, legacyCatch, legacyCatch, rethrow, delegate];
    case 'standard':
      return [throwTag, tryTable, tryTable, keepAll, throwRef];
  }
}

const payload = (tag: number): readonly ValueType[] => SIGNATURES[TAGS[tag]!]!.params;

const throwTag: Statement = (e, plan) =>
  sometimes(e, plan, () => {
    const tag = plan.choice % TAGS.length;
    for (const [index, type] of payload(tag).entries()) expression(e, part(plan, index), type);
    e.op('throw', tag);
  });

const legacyCatch: Statement = (e, plan) => {
  e.begin('try', []);
  const label = e.labels.at(-1)!;
  statements(e, plan.parts.slice(0, 2));
  label.catching = true;
  for (let clause = 0; clause < plan.choice % 3; clause++) {
    const tag = (plan.detail + clause) % TAGS.length;
    e.op('catch', tag);
    consume(e, payload(tag), plan);
    statements(e, plan.parts.slice(2, 3));
  }
  if (plan.choice % 3 === 0 || plan.detail % 2 === 0) {
    e.op('catch_all');
    statements(e, plan.parts.slice(3));
  }
  e.end();
};

const rethrow: Statement = (e, plan) => {
  const catching = e.labels.filter((label) => label.catching);
  if (catching.length === 0) return;
  const label = pick(catching, plan.detail);
  sometimes(e, { ...plan, detail: plan.detail | 1 }, () =>
    e.op('rethrow', e.labels.length - 1 - e.labels.indexOf(label)),
  );
};

/** Hands what is thrown to a block outside. */
const delegate: Statement = (e, plan) => {
  e.begin('try', []);
  statements(e, plan.parts);
  e.labels.pop();
  e.op('delegate', plan.detail % e.labels.length);
};

const tryTable: Statement = (e, plan) => {
  const tag = plan.choice % TAGS.length;
  const withReference = plan.detail % 2 === 1;
  const results: ValueType[] = [...payload(tag), ...(withReference ? (['exnref'] as const) : [])];
  const empty = e.targets(({ types }) => types.length === 0);
  e.begin('block', []);
  e.begin('block', results);
  const catchAll = plan.detail % 3;
  e.op('try_table');
  e.code.u8(0x40);
  e.code.u32(catchAll === 0 ? 1 : 2);
  e.code
    .u8(withReference ? 1 : 0)
    .u32(tag)
    .u32(0);
  if (catchAll === 1) e.code.u8(2).u32(1);
  if (catchAll === 2) e.code.u8(2).u32(empty.length === 0 ? 1 : pick(empty, plan.detail).depth + 2);
  e.labels.push({ types: [], kind: 'open' });
  statements(e, plan.parts.slice(0, 2));
  e.end();
  e.op('br', 1);
  e.end();
  consume(e, results, plan);
  statements(e, plan.parts.slice(2));
  e.end();
};

/** Keeps whatever is thrown, a host's error too, as a reference; `throw_ref` may throw it again. */
const keepAll: Statement = (e, plan) => {
  const tag = plan.choice % TAGS.length;
  e.begin('block', []);
  e.begin('block', ['exnref']);
  e.begin('block', payload(tag));
  e.op('try_table');
  e.code.u8(0x40).u32(2).u8(0).u32(tag).u32(0).u8(3).u32(1);
  e.labels.push({ types: [], kind: 'open' });
  statements(e, plan.parts.slice(0, 2));
  e.end();
  e.op('br', 2);
  e.end();
  consume(e, payload(tag), plan);
  statements(e, plan.parts.slice(2));
  e.op('br', 1);
  e.end();
  consume(e, ['exnref'], plan);
  e.end();
};

const throwRef: Statement = (e, plan) => {
  const kept = indicesOf(e.locals, 'exnref');
  if (kept.length === 0) return;
  const local = pick(kept, plan.detail);
  e.op('local.get', local);
  e.op('ref.is_null');
  e.op('i32.eqz');
  e.begin('if', []);
  e.op('local.get', local);
  e.op('throw_ref');
  e.end();
};
