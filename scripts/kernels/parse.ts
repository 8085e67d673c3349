// node scripts/kernels/parse.ts IN.wat OUT.wasm: text to binary.
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';

const [input, output] = process.argv.slice(2);
if (input === undefined || output === undefined) throw new Error('give a text file and where its binary goes');
writeFileSync(output, await parse(readFileSync(input, 'utf8')));
