#!/bin/sh
# Builds bench/kernels/*.wasm from their sources. With --check it builds aside and compares with what is committed.
# Wants clang and wasm-ld of Debian 12 (apt-get install clang lld); other versions give other bytes.
set -eu
cd "$(dirname "$0")/.."
kernels=bench/kernels
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
out=$kernels
[ "${1:-}" = --check ] && mkdir "$objects/built" && out=$objects/built
command -v clang >/dev/null && command -v wasm-ld >/dev/null || {
  echo "kernels: clang and wasm-ld are not here; nothing was built or compared" >&2
  exit 3
}
for source in "$kernels"/*.c; do
  name=$(basename "$source" .c)
  flags=-mbulk-memory
  [ "$name" = simd ] && flags=-msimd128
  # Compiled and linked apart: clang as a driver would run any wasm-opt that it finds.
  clang --target=wasm32 -O2 -ffreestanding -fno-builtin $flags -Wall -Werror -Wno-unused-function -c -o "$objects/$name.o" "$source"
  wasm-ld --no-entry --strip-all -z stack-size=16384 -o "$out/$name.wasm" "$objects/$name.o"
done
for source in "$kernels"/*.wat; do
  node scripts/kernels/parse.ts "$source" "$out/$(basename "$source" .wat).wasm"
done
[ "$out" = "$kernels" ] && exit 0
status=0
for built in "$out"/*.wasm; do
  if ! cmp -s "$built" "$kernels/$(basename "$built")"; then
    echo "kernels: $(basename "$built") differs from what is committed; run scripts/kernels.sh" >&2
    status=1
  fi
done
[ $status = 0 ] && echo "kernels: all as committed"
exit $status
