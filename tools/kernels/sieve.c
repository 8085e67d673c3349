// The sieve of Eratosthenes.
#include "kernel.h"

#define LIMIT 65536
static uint8_t composite[LIMIT];

EXPORT(run) uint32_t run(uint32_t n) {
  uint32_t found = 0;
  while (n--) {
    for (uint32_t i = 0; i < LIMIT; i++) composite[i] = 0;
    for (uint32_t i = 2; i < LIMIT; i++) {
      if (composite[i]) continue;
      found++;
      for (uint32_t j = i * 2; j < LIMIT; j += i) composite[j] = 1;
    }
  }
  return found;
}
