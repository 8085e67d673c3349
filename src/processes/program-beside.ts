/**
 * The program of a child process beside the module that asks for it: TypeScript in a checkout, JavaScript when compiled.
 * @param module `import.meta.url` of the module
 * @param compiledName the path of the compiled program if it is not beside the compiled module
 */
export function programBeside(module: string, name: string, compiledName: string = name): URL {
  return new URL(module.endsWith('.ts') ? `${name}.ts` : `${compiledName}.js`, module);
}
