import { memberName } from '#runtime/names';
import type { ExportedFunction } from './exported-function.ts';
import { isLeftOut, type JsonSchema, jsonSchemaOf } from './json-schema.ts';

/** A parameter of an exported function. */
export interface ExportedParameter {
  /** Its name in camelCase, as records' fields have it in JSON. */
  readonly name: string;
  /** Whether it must be given. An option may be left out. */
  readonly required: boolean;
  /** The schema of what `callJson` takes for it. */
  readonly schema: JsonSchema;
}

/** A function that a component exports, described for programs that call it with JSON. */
export interface ExportInfo {
  /** Its name in WIT, which `call` and `callJson` take. */
  readonly name: string;
  /** The comment of its WIT. The component chose this text, so it is as trustworthy as the component. */
  readonly docs: string | undefined;
  /** Undefined if a parameter or the result has no JSON form, because it holds resources, streams, futures or maps. */
  readonly json:
    | {
        readonly parameters: readonly ExportedParameter[];
        /** The schema of what the call returns; undefined if it returns nothing. */
        readonly result: JsonSchema | undefined;
      }
    | undefined;
}

export function exportInfo({ name, docs, params, result }: ExportedFunction): ExportInfo {
  return { name, docs, json: jsonInfo({ params, result }) };
}

function jsonInfo({ params, result }: Pick<ExportedFunction, 'params' | 'result'>): ExportInfo['json'] {
  const parameters: ExportedParameter[] = [];
  for (const { name, type } of params) {
    const schema = jsonSchemaOf(type, 'input');
    if (schema === undefined) return undefined;
    parameters.push({ name: memberName(name), required: !isLeftOut(type), schema });
  }
  // A call answers the ok case of a `result` and throws the other one.
  const answer = result?.shape.kind === 'result' ? result.shape.ok : result;
  const schema = answer === undefined ? undefined : jsonSchemaOf(answer, 'output');
  const isLost = answer !== undefined && schema === undefined;
  return isLost ? undefined : { parameters, result: schema };
}
