import { memberName } from '#runtime/names';
import type { FuncType } from '#wasm';
import { isPlainOption, type TypeTexts } from './type-texts.ts';

/** Words that cannot be the name of a parameter or of a module's function. */
const RESERVED = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for
   function if implements import in instanceof interface let new null package private protected public return static super switch
   this throw true try typeof var void while with yield`.split(/\s+/),
);

/** Whether JavaScript takes this word for something else than a name. */
export function isReserved(word: string): boolean {
  return RESERVED.has(word);
}

/** How a function's answer looks: `Promise<T>` for what an embedder calls, for example. */
export type Answer = (type: string) => string;

export interface Signature {
  /** `(size: number)` */
  readonly params: string;
  readonly result: string;
  /** Sentences for the doc comment. */
  readonly notes: readonly string[];
}

/** Writes a function's parameters and answer. A `result` answers its ok case, and its error case is thrown. */
export function signatureOf(type: FuncType, texts: TypeTexts, answer: Answer, errors: 'payload' | 'thrown'): Signature {
  const { params, result } = type;
  const lastRequired = params.findLastIndex((param) => !isPlainOption(param.type));
  const written = params.map((param, index) => {
    const name = memberName(param.name);
    const shown = isReserved(name) ? `${name}_` : name;
    if (!isPlainOption(param.type)) return `${shown}: ${texts.of(param.type)}`;
    return index > lastRequired
      ? `${shown}?: ${texts.orUndefined(param.type)}`
      : `${shown}: ${texts.orUndefined(param.type)}`;
  });
  const isResult = result?.kind === 'result';
  const error = isResult && result.error !== undefined ? texts.of(result.error) : undefined;
  const thrown =
    errors === 'payload'
      ? `@throws ComponentError, whose payload is ${error ?? 'undefined'}`
      : `@throws ${error ?? 'undefined'}`;
  return {
    params: `(${written.join(', ')})`,
    result: answer(texts.of(isResult ? result.ok : result)),
    notes: isResult ? [thrown] : [],
  };
}
