// Compiles src/ to dist/ and writes dist/package.json, whose `imports` map names the compiled doors.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

mkdirSync('dist', { recursive: true });
writeFileSync('dist/package.json', readFileSync('src/package.json', 'utf8').replaceAll(/\.ts"/g, '.js"'));
