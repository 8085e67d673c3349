#!/usr/bin/env node
import { existsSync } from 'node:fs';

// Checks what must be right before anything can be loaded.
const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  console.error(`viv needs Node 24 or newer; this is ${process.version}. In a checkout, npx viv brings its own.`);
  process.exit(2);
}
if (!existsSync(new URL('../dist/start/cli.js', import.meta.url))) {
  console.error('viv is not built in this checkout; run npm run build');
  process.exit(2);
}
const { main } = await import('../dist/start/cli.js');
process.exitCode = await main(process.argv.slice(2));
