import { type Emitter, part, pick } from './emitter.ts';
import { address, expression, indicesOf, writableLocals } from './expressions.ts';
import type { Plan } from './plan.ts';
import { SIGNATURES, type ValueType } from './types.ts';

/** One way to call a function of a known type. */
export interface Call {
  readonly form: 'direct' | 'indirect' | 'reference';
  readonly target: number;
}

const INDIRECT_COST = 500;

/**
 * The calls that the function being written may make. A cycle of calls always passes a recursive function, which
 * counts its entries down: one that is not recursive calls only functions behind itself, and those directly.
 */
export function calls(e: Emitter): Call[] {
  const { functions, features, tables } = e.module;
  const list: Call[] = [];
  for (const [target, { imported, recursive, cost }] of functions.entries()) {
    const allowed = e.recursive || (imported && !recursive) || target > e.self;
    if (!allowed || e.weight * cost > 4_000) continue;
    list.push({ form: 'direct', target });
    if (!e.recursive || e.weight > 10) continue;
    if (tables.some(({ type }) => type === 'funcref')) list.push({ form: 'indirect', target });
    if (features.gc) list.push({ form: 'reference', target });
  }
  return list;
}

export function callsGiving(e: Emitter, type: ValueType): Call[] {
  return calls(e).filter(({ target }) => {
    const { results } = signatureOf(e, target);
    return results.length === 1 && results[0] === type;
  });
}

export function signatureOf(e: Emitter, target: number): (typeof SIGNATURES)[number] {
  return SIGNATURES[e.module.functions[target]!.signature]!;
}

/** Writes the call with its arguments; `tail` leaves the function by it. */
export function emitCall(e: Emitter, call: Call, plan: Plan, tail = false): void {
  const { signature, cost } = e.module.functions[call.target]!;
  for (const [index, type] of SIGNATURES[signature]!.params.entries()) expression(e, part(plan, index), type);
  const prefix = tail ? 'return_' : '';
  const type = e.module.types.signature(signature);
  if (call.form === 'direct') {
    e.op(`${prefix}call`, call.target);
  } else if (call.form === 'indirect') {
    const tables = indicesOf(
      e.module.tables.map((table) => table.type),
      'funcref',
    );
    const table = pick(tables, plan.detail);
    tableIndex(e, table, call.target, plan);
    e.op(`${prefix}call_indirect`, type, table);
  } else {
    if (plan.detail % 29 === 28) expression(e, part(plan, 3), `sig:${signature}`);
    else e.refFunc(call.target);
    e.op(`${prefix}call_ref`, type);
  }
  e.cost += e.weight * (call.form === 'direct' ? cost : INDIRECT_COST);
}

/** The index of the function's slot, which holds it at the start; at hostile places any index. */
function tableIndex(e: Emitter, table: number, target: number, plan: Plan): void {
  const { wide } = e.module.tables[table]!;
  if (plan.detail % 29 === 28) address(e, part(plan, 3), wide);
  else e.index(wide, target);
}

export function callAndConsume(e: Emitter, call: Call, plan: Plan): void {
  emitCall(e, call, plan);
  consume(e, signatureOf(e, call.target).results, plan);
}

/** Takes values off the stack into locals, or drops them. */
export function consume(e: Emitter, types: readonly ValueType[], plan: Plan): void {
  for (const type of types.toReversed()) {
    const mine = indicesOf(writableLocals(e), type);
    if (mine.length > 0 && plan.detail % 4 !== 0) e.op('local.set', pick(mine, plan.detail));
    else e.op('drop');
  }
}
