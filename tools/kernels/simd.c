// Blends two images with 128-bit vectors.
#include "kernel.h"
#include <wasm_simd128.h>

#define PIXELS 16384
static uint8_t first[PIXELS], second[PIXELS], blended[PIXELS];

EXPORT(run) uint32_t run(uint32_t n) {
  for (int i = 0; i < PIXELS; i++) {
    first[i] = (uint8_t)(i * 3);
    second[i] = (uint8_t)(i * 5 + 1);
  }
  uint32_t sum = 0;
  while (n--) {
    v128_t bias = wasm_i8x16_splat((int8_t)n);
    for (int i = 0; i < PIXELS; i += 16) {
      v128_t a = wasm_v128_load(first + i), b = wasm_v128_load(second + i);
      v128_t mean = wasm_u8x16_avgr(a, b);
      v128_t lit = wasm_u8x16_add_sat(mean, wasm_v128_and(bias, wasm_u8x16_gt(a, b)));
      wasm_v128_store(blended + i, lit);
    }
    sum = sum * 31 + blended[(n * 17) % PIXELS];
  }
  return sum;
}
