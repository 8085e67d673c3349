// What a door exports, and what its declarations mention without exporting it.
import ts from 'typescript';

export interface Door {
  /** Each exported name; types are marked. */
  readonly names: readonly string[];
  /** Types of the project that the exported declarations mention and that are not exported. */
  readonly unexported: readonly string[];
  /** Where each of those is declared. */
  readonly homes: ReadonlyMap<string, string>;
}

/** Reads doors as the compiler does. What the first door exports counts as exported by all others. */
export function readDoors(files: readonly string[]): Map<string, Door> {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
  const program = ts.createProgram([...files], { ...options, noEmit: true });
  const checker = program.getTypeChecker();
  const main = new Set<ts.Symbol>();
  return new Map(
    files.map((file, index) => {
      const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile) as ts.Symbol;
      const exported = checker.getExportsOfModule(module);
      const targets = new Map(exported.map((symbol) => [targetOf(checker, symbol), symbol.name]));
      if (index === 0) for (const target of targets.keys()) main.add(target);
      const homes = new Map<string, string>();
      for (const target of targets.keys()) {
        for (const declaration of target.declarations ?? []) {
          visit(declaration, (name) => {
            const found = checker.getSymbolAtLocation(name);
            const mentioned = found === undefined ? undefined : targetOf(checker, found);
            const home = mentioned?.declarations?.[0]?.getSourceFile().fileName ?? '';
            if (mentioned === undefined || targets.has(mentioned) || main.has(mentioned) || !home.includes('/src/'))
              return;
            if ((mentioned.flags & ts.SymbolFlags.TypeParameter) === 0) homes.set(mentioned.name, home);
          });
        }
      }
      const names = exported.map((symbol) => {
        const isValue = (targetOf(checker, symbol).flags & ts.SymbolFlags.Value) !== 0;
        return `${isValue ? '' : 'type '}${symbol.name}`;
      });
      return [file, { names: names.toSorted(), unexported: [...homes.keys()].toSorted(), homes }] as const;
    }),
  );
}

function targetOf(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
}

/** Walks over what of a declaration a reader of its types sees: no bodies, no values, nothing that is private. */
function visit(node: ts.Node, mention: (name: ts.Node) => void): void {
  if (ts.isTypeReferenceNode(node)) mention(node.typeName);
  if (ts.isExpressionWithTypeArguments(node) && !ts.isIdentifier(node.expression)) return;
  if (ts.isExpressionWithTypeArguments(node)) mention(node.expression);
  if (ts.isBlock(node) || isHidden(node) || isImplementation(node)) return;
  if ((ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node)) && node.initializer !== undefined) {
    if (node.type !== undefined) visit(node.type, mention);
    return;
  }
  ts.forEachChild(node, (child) => visit(child, mention));
}

/** Of a function with overloads, callers see those alone. */
function isImplementation(node: ts.Node): boolean {
  if (!ts.isMethodDeclaration(node) && !ts.isFunctionDeclaration(node)) return false;
  if (node.body === undefined || node.name === undefined) return false;
  const siblings: Iterable<ts.Node> =
    ts.isMethodDeclaration(node) && ts.isClassLike(node.parent) ? node.parent.members : node.getSourceFile().statements;
  const name = node.name.getText();
  return [...siblings].some(
    (other) =>
      other !== node &&
      (ts.isMethodDeclaration(other) || ts.isFunctionDeclaration(other)) &&
      other.name?.getText() === name,
  );
}

function isHidden(node: ts.Node): boolean {
  if (!ts.isClassElement(node)) return false;
  if (node.name !== undefined && ts.isPrivateIdentifier(node.name)) return true;
  return (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0;
}
