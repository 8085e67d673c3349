#!/bin/sh
# Builds the .wasm files that are committed beside their C or text sources: the kernels of the benches and the guests of the
# tests. With --check it builds aside and compares with what is committed.
# Wants clang and wasm-ld of Debian 12 (apt-get install clang lld); other versions give other bytes.
set -eu
cd "$(dirname "$0")/.."
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
check=${1:-}
status=0
command -v clang >/dev/null && command -v wasm-ld >/dev/null || {
  echo "kernels: clang and wasm-ld are not here; nothing was built or compared" >&2
  exit 3
}
for folder in tools/kernels test/fixtures/guests; do
  out=$folder
  [ "$check" = --check ] && out=$objects/$folder && mkdir -p "$out"
  for source in "$folder"/*.c; do
    name=$(basename "$source" .c)
    flags=-mbulk-memory
    [ "$name" = simd ] && flags=-msimd128
    strip=--strip-all
    # Errors name its functions.
    [ "$name" = strays ] && strip=--strip-debug
    # Compiled and linked apart: clang as a driver would run any wasm-opt that it finds.
    clang --target=wasm32 -O2 -ffreestanding -fno-builtin $flags -Wall -Werror -Wno-unused-function -c -o "$objects/$name.o" "$source"
    wasm-ld --no-entry $strip -z stack-size=16384 -o "$out/$name.wasm" "$objects/$name.o"
    chmod 644 "$out/$name.wasm"
  done
  for source in "$folder"/*.wat; do
    [ -e "$source" ] || continue
    node scripts/kernels/parse.ts "$source" "$out/$(basename "$source" .wat).wasm"
  done
  [ "$out" = "$folder" ] && continue
  for built in "$out"/*.wasm; do
    if ! cmp -s "$built" "$folder/$(basename "$built")"; then
      echo "kernels: $folder/$(basename "$built") differs from what is committed; run scripts/kernels.sh" >&2
      status=1
    fi
  done
done
[ "$status" = 0 ] && [ "$check" = --check ] && echo "kernels: all as committed"
exit $status
