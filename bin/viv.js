#!/usr/bin/env node
// Checks the one thing that must be right before anything can be loaded.
const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  console.error(`viv needs Node 24 or newer; this is ${process.version}. In a checkout, npx viv brings its own.`);
  process.exit(2);
}
// Whoever reads has seen enough, as `head` does: no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
const { main } = await import('../dist/start/cli.js');
process.exitCode = await main(process.argv.slice(2));
