// What every kernel is built with: no library, fixed-size memory, one exported function.
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))

// xorshift32: the same numbers on every machine.
static inline uint32_t next_random(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}
