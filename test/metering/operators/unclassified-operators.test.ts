import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { coreModule } from '#wasm';
import { assemble } from '../../../tools/metering/wat.ts';

const { Immediate, OPERATORS, PLAIN } = coreModule;

// Before the walkers are loaded, the table of operators gets a row of a proposal to come, whose effect nobody has said.
const PLANTED = 0xe0;
const row: coreModule.OperatorRow = [PLANTED, PLANTED, Immediate.none];
Object.assign(OPERATORS.plain, { planted: row });
PLAIN[PLANTED] = Immediate.none;
const { Assembly } = await import('../../../src/metering/assembly/assembly.ts');
const { BodyReader } = await import('../../../src/metering/operators/body-reader.ts');
const { CompileWork } = await import('../../../src/metering/survey/compile-work.ts');
const { foresee } = await import('../../../src/metering/body/foresight.ts');
const { FunctionRewriter } = await import('../../../src/metering/body/function-rewriter.ts');
const { planModule } = await import('../../../src/metering/plan/plan.ts');
const { surveyModule } = await import('../../../src/metering/survey/survey.ts');

const I32_EQZ = 0x45;
const REACHED = '(module (func (param i32) (result i32) (i32.eqz (local.get 0))))';
const DEAD = '(module (func (param i32) (result i32) unreachable i32.eqz))';

/** A module with the planted operator in the place of `i32.eqz`; the reader stands at its body's first operator. */
async function planted(text: string) {
  const module = coreModule.readModule(await assemble(text));
  const { bytes } = module;
  const plan = planModule(module, 'fuel');
  const at = bytes.lastIndexOf(I32_EQZ);
  const code = module.sections.find(({ id }) => id === coreModule.SectionId.code);
  if (code === undefined) throw new Error('the module has no code');
  const reader = new BodyReader(bytes);
  reader.end = code.end;
  // The number of functions, the size of the body, and no locals.
  const body = code.start + 2;
  reader.position = body + 1;
  bytes[at] = PLANTED;
  return { module, plan, reader, body, end: code.end, at };
}

function unknownAt(offset: number): unknown {
  return expect.objectContaining({ code: 'METERING_UNKNOWN_OPERATOR', details: { opcode: PLANTED, offset } });
}

describe('an operator that nobody has classified is refused', () => {
  it.each([
    ['where control reaches it', REACHED],
    ['where control does not', DEAD],
  ])('by the survey, %s', async (_, text) => {
    const { module, at } = await planted(text);
    expect(() => surveyModule(module)).toThrow(unknownAt(at));
  });

  it.each([
    ['where control reaches it', REACHED],
    ['where control does not', DEAD],
  ])('by the rewriter, %s', async (_, text) => {
    const { module, plan, body, end, at } = await planted(text);
    expect(() => new FunctionRewriter(new Assembly(module, plan)).rewrite(0, body, end)).toThrow(unknownAt(at));
  });

  it('by the walk for labels that are known beforehand', async () => {
    const { reader, at } = await planted(REACHED);
    expect(() => foresee(reader, reader.position, new Set())).toThrow(unknownAt(at));
  });

  it('by the sum of what the compiler has to do', async () => {
    const { module, reader, at } = await planted(REACHED);
    expect(() => new CompileWork(module, reader).measure(1, 1, 1000)).toThrow(unknownAt(at));
  });
});

describe('the classes of operators', () => {
  const TABLE = resolve('src/wasm/module/operators.ts');
  const CLASSES = resolve('src/metering/operators/operator-classes.ts');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile('tsconfig.json', ts.sys.readFile).config,
    ts.sys,
    resolve('.'),
  );

  let before: ts.Program | undefined;

  /** What the compiler says of the classes when the table of operators reads as `table`. */
  function complaints(table: string): string[] {
    const host = ts.createCompilerHost(options);
    const read = host.readFile;
    host.readFile = (path) => (join(path) === TABLE ? table : read(path));
    const program = ts.createProgram([CLASSES], { ...options, types: [], noEmit: true }, host, before);
    before = program;
    return program
      .getSemanticDiagnostics(program.getSourceFile(CLASSES))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  }

  it('are a type error while a row has none', () => {
    const table = readFileSync(TABLE, 'utf8');
    expect(complaints(table)).toEqual([]);
    const grown = table.replace('    brOnNull: [', `    planted: [${PLANTED}, ${PLANTED}, none],\n    brOnNull: [`);
    expect(complaints(grown)).toEqual([expect.stringContaining("'planted' is missing")]);
  });
});
