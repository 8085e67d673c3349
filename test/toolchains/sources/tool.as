// The tool of the suite in AssemblyScript: each first argument is one scenario.

/** The adapter's allocator. Without it the adapter takes pages behind the heap's back, and the heap then takes them too. */
export function cabi_realloc(from: usize, _size: usize, _align: usize, to: usize): usize {
  return from == 0 ? heap.alloc(to) : heap.realloc(from, to);
}

const args = process.argv;
const scenario = args.length > 1 ? args[1] : '';
if (scenario == 'cat') {
  const bytes = new ArrayBuffer(4096);
  for (let got = process.stdin.read(bytes); got > 0; got = process.stdin.read(bytes)) {
    process.stdout.write(bytes.slice(0, got));
  }
} else if (scenario == 'exit') {
  process.stdout.write('bye');
  process.exit(I32.parseInt(args[2]));
} else if (scenario == 'trap') {
  unreachable();
} else {
  for (let index = 1; index < args.length; index++) console.log(args[index]);
  const names = process.env.keys().sort();
  for (let index = 0; index < names.length; index++) console.log(names[index] + '=' + process.env.get(names[index]));
  console.error('to standard error');
}
